import { createHash } from 'node:crypto';
import { formatReference, type Reference, type Repository, tryParseRepository } from './reference.ts';

// No path component begins or ends with a dash (github.com/distribution/reference), so dashes can separate components.
const LONGEST = 128;
const BETWEEN_TAG_AND_NAME = '---';
const BETWEEN_COMPONENTS = '--';
/** Hexadecimal digits of the SHA-256. */
const HASH_LENGTH = 12;

/**
 * Returns the tag of an image in a repository shared by all images: `TAG---HOST--PATH`, with `--` for each slash and
 * `_` before a port, as in `v1.17.2---quay.io--jetstack--cert-manager-controller`. The tag comes first because charts
 * compare it as a version. A result that is too long or ambiguous is truncated and ends with `---` and a hash, so tags
 * are unique.
 */
export function sharedTag({ registry, path, tag = '' }: Repository & Pick<Reference, 'tag'>): string {
  const name = [registry.replace(/:(?=\d+$)/, '_').replace(/[^\w.-]/g, ''), ...path.split('/')].join(
    BETWEEN_COMPONENTS,
  );
  const full = tag + BETWEEN_TAG_AND_NAME + name;
  const text = formatReference({ registry, path, tag });
  if (full.length <= LONGEST && readBack(full) === text) return full;
  const hash = createHash('sha256').update(text).digest('hex').slice(0, HASH_LENGTH);
  return full.slice(0, LONGEST - BETWEEN_TAG_AND_NAME.length - HASH_LENGTH) + BETWEEN_TAG_AND_NAME + hash;
}

function readBack(shared: string): string | undefined {
  const source = sourceOfSharedTag(shared);
  return source && formatReference(source);
}

/** Returns the image of a tag made by {@link sharedTag}; undefined for a tag with a hash and for any other tag. */
export function sourceOfSharedTag(shared: string): Reference | undefined {
  const at = shared.lastIndexOf(BETWEEN_TAG_AND_NAME);
  const [host = '', ...path] = shared.slice(at + BETWEEN_TAG_AND_NAME.length).split(BETWEEN_COMPONENTS);
  if (at < 1 || path.length === 0) return undefined;
  const source = tryParseRepository([host.replace(/_(?=\d+$)/, ':'), ...path].join('/'));
  return source && { ...source, tag: shared.slice(0, at) };
}
