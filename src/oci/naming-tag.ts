import { createHash } from 'node:crypto';
import { formatReference, type Reference, type Repository, tryParseRepository } from './reference.ts';

// The grammar of github.com/distribution/reference: no component of a path begins or ends with a dash.
const LONGEST = 128;
const BETWEEN_TAG_AND_NAME = '---';
const BETWEEN_COMPONENTS = '--';
/** Of SHA-256, in hexadecimal. */
const HASH_LENGTH = 12;

/**
 * The tag of an image in a repository that holds all images: `TAG---HOST--PATH`, with `--` for each slash and `_` before a
 * port, as in `v1.17.2---quay.io--jetstack--cert-manager-controller`. The tag comes first, so that it is still a version
 * where charts compare versions, and a template that puts something before it does no harm. What is too long, or could be
 * read in two ways, is cut and ends with `---` and a hash instead, so no two images have one tag.
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

/** The image that {@link sharedTag} was given; undefined for a tag that ends with a hash, and for any other tag. */
export function sourceOfSharedTag(shared: string): Reference | undefined {
  const at = shared.lastIndexOf(BETWEEN_TAG_AND_NAME);
  const [host = '', ...path] = shared.slice(at + BETWEEN_TAG_AND_NAME.length).split(BETWEEN_COMPONENTS);
  if (at < 1 || path.length === 0) return undefined;
  const source = tryParseRepository([host.replace(/_(?=\d+$)/, ':'), ...path].join('/'));
  return source && { ...source, tag: shared.slice(0, at) };
}
