import type { Reference } from '../oci/reference.ts';

/**
 * Package URLs (ECMA-427, and its type definitions): everything but letters, digits and `.-_~:` is percent-encoded,
 * qualifiers are sorted.
 */

/** Type `oci`: the last part of the name, the digest as the version, the repository and the tag as qualifiers. */
export function ociPurl({ registry, path, tag }: Reference, digest: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const repository = `repository_url=${encode(`${registry}/${path}`)}`;
  return `pkg:oci/${encode(name)}@${encode(digest)}?${repository}${tag === undefined ? '' : `&tag=${encode(tag)}`}`;
}

/** Type `helm`, not among the registered ones and what others write all the same: name, version, repository where it is known. */
export function helmPurl(name: string, version: string, repository: string | undefined): string {
  const from = repository === undefined ? '' : `?repository_url=${encode(repository)}`;
  return `pkg:helm/${encode(name)}@${encode(version)}${from}`;
}

function encode(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%3A', ':');
}
