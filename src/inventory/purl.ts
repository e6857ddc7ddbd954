import type { Reference } from '../oci/reference.ts';

/**
 * Package URLs (ECMA-427 and its type definitions). All characters except letters, digits and `.-_~:` are
 * percent-encoded; qualifiers are sorted.
 */

/**
 * Returns a purl of type `oci`: last component of the repository, digest as version, repository and tag as qualifiers.
 */
export function ociPurl({ registry, path, tag }: Reference, digest: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const repository = `repository_url=${encode(`${registry}/${path}`)}`;
  return `pkg:oci/${encode(name)}@${encode(digest)}?${repository}${tag === undefined ? '' : `&tag=${encode(tag)}`}`;
}

/** Returns a purl of type `helm`, which is not registered but in common use, with the repository if known. */
export function helmPurl(name: string, version: string, repository: string | undefined): string {
  const from = repository === undefined ? '' : `?repository_url=${encode(repository)}`;
  return `pkg:helm/${encode(name)}@${encode(version)}${from}`;
}

function encode(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%3A', ':');
}
