import { formatRepository, parseReference } from '../../src/oci/reference.ts';
import type { Existence } from '../../src/operator-scan/image/confirm.ts';
import publications from './published.json' with { type: 'json' };

interface Published {
  /** Namespaces in which every repository has every tag. */
  readonly folders: Readonly<Record<string, { readonly names: readonly string[]; readonly tags: readonly string[] }>>;
  /** Tags and digests of further repositories. */
  readonly repositories: Readonly<Record<string, readonly string[]>>;
}

const { folders, repositories }: Published = publications;

/** Answers like a registry with the projects' published images; `unknown`, as if a login were required, for all others. */
export function published(reference: string): Promise<Existence> {
  const parsed = parseReference(reference);
  const repository = formatRepository(parsed);
  const name = parsed.path.split('/').at(-1) ?? '';
  const folder = folders[repository.slice(0, repository.lastIndexOf('/'))];
  const tags = repositories[repository] ?? (folder && (folder.names.includes(name) ? folder.tags : []));
  const version = parsed.digest ?? parsed.tag;
  if (tags === undefined || version === undefined) return Promise.resolve('unknown');
  return Promise.resolve(tags.includes(version) ? 'there' : 'missing');
}
