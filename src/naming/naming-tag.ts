import { createHash } from 'node:crypto';
import { formatReference, type Reference, type Repository, tryParseRepository } from '../oci/reference.ts';

// No path component begins or ends with a dash (github.com/distribution/reference), so dashes can separate components.
const MAX_TAG_LENGTH = 128;
const TAG_SEPARATOR = '---';
const COMPONENT_SEPARATOR = '--';
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
    COMPONENT_SEPARATOR,
  );
  const full = tag + TAG_SEPARATOR + name;
  const text = formatReference({ registry, path, tag });
  if (full.length <= MAX_TAG_LENGTH && readBack(full) === text) return full;
  const hash = createHash('sha256').update(text).digest('hex').slice(0, HASH_LENGTH);
  return full.slice(0, MAX_TAG_LENGTH - TAG_SEPARATOR.length - HASH_LENGTH) + TAG_SEPARATOR + hash;
}

function readBack(shared: string): string | undefined {
  const source = parseSharedTag(shared);
  return source && formatReference(source);
}

/** Returns the image of a tag made by {@link sharedTag}; undefined for a tag with a hash and for any other tag. */
export function parseSharedTag(shared: string): Reference | undefined {
  const separator = shared.lastIndexOf(TAG_SEPARATOR);
  const [host = '', ...path] = shared.slice(separator + TAG_SEPARATOR.length).split(COMPONENT_SEPARATOR);
  if (separator < 1 || path.length === 0) return undefined;
  const source = tryParseRepository([host.replace(/_(?=\d+$)/, ':'), ...path].join('/'));
  return source && { ...source, tag: shared.slice(0, separator) };
}
