import type { Answer } from '../src/inside/confirm.ts';
import { formatRepository, parseReference } from '../src/oci/reference.ts';
import published from './published.json' with { type: 'json' };

interface Published {
  /** Folders in which every name has every tag. */
  readonly folders: Readonly<Record<string, { readonly names: readonly string[]; readonly tags: readonly string[] }>>;
  /** Tags, and digests. */
  readonly repositories: Readonly<Record<string, readonly string[]>>;
}

const { folders, repositories }: Published = published;

/** Answers as a registry that has what the projects have published; for what is not listed, as one that wants a login. */
export function standIn(reference: string): Promise<Answer> {
  const parsed = parseReference(reference);
  const repository = formatRepository(parsed);
  const name = parsed.path.split('/').at(-1) ?? '';
  const folder = folders[repository.slice(0, repository.lastIndexOf('/'))];
  const tags = repositories[repository] ?? (folder && (folder.names.includes(name) ? folder.tags : []));
  const wanted = parsed.digest ?? parsed.tag;
  if (tags === undefined || wanted === undefined) return Promise.resolve('unknown');
  return Promise.resolve(tags.includes(wanted) ? 'there' : 'missing');
}
