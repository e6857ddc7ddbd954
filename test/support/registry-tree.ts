import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf } from './digest.ts';
import type { TestRegistry } from './registry.ts';

/**
 * Returns the tags, manifests and blobs that a registry has under a prefix, read from its disk: `REPOSITORY/… DIGEST`, sorted. Two
 * registries with the same content have the same.
 * @throws Error if a manifest or blob is not there, or is not what its digest says
 */
export function treeOf({ repositories }: TestRegistry, prefix = ''): string[] {
  const folder = join(repositories, prefix);
  const links = globSync('**/link', { cwd: folder }).filter((path) => !path.includes('/_uploads/'));
  return links.map((path) => `${path} ${stored(repositories, readFileSync(join(folder, path), 'utf8'))}`).sort();
}

/** The tags under a prefix: `REPOSITORY:TAG DIGEST`, sorted. */
export function tagsOf(registry: TestRegistry, prefix = ''): string[] {
  return treeOf(registry, prefix).flatMap((line) => {
    const [, repository, tag, digest] = /^(.+)\/_manifests\/tags\/([^/]+)\/current\/link (.+)$/.exec(line) ?? [];
    return digest === undefined ? [] : [`${repository}:${tag} ${digest}`];
  });
}

/** Uploads that have begun and not ended. */
export function openUploads({ repositories }: TestRegistry): number {
  return globSync('**/_uploads/*', { cwd: repositories }).length;
}

function stored(repositories: string, digest: string): string {
  const [, hex = ''] = digest.split(':');
  const bytes = readFileSync(join(repositories, '../blobs/sha256', hex.slice(0, 2), hex, 'data'));
  if (digestOf(bytes) !== digest) throw new Error(`${digest} has other content in the registry`);
  return digest;
}
