import { isName } from '../base/names.ts';
import { isDigest } from '../oci/digest.ts';

/** What a request asks for. Names and digests are valid; whether they exist is another question. */
export type Route =
  | { readonly kind: 'base' }
  | { readonly kind: 'catalog'; readonly query: URLSearchParams }
  | { readonly kind: 'tags'; readonly name: string; readonly query: URLSearchParams }
  /** `reference` is a tag or a digest. */
  | { readonly kind: 'manifest'; readonly name: string; readonly reference: string }
  | { readonly kind: 'blob'; readonly name: string; readonly digest: string }
  | { readonly kind: 'referrers'; readonly name: string; readonly digest: string; readonly query: URLSearchParams }
  | { readonly kind: 'invalid-name' }
  | { readonly kind: 'invalid-digest' }
  /** No endpoint of a registry. */
  | { readonly kind: 'unknown' };

/**
 * Parses the target of a request by the endpoints of the distribution specification 1.1. Names of repositories may contain
 * `manifests` and `blobs`, so the end of the path decides.
 * @param target as in the request line; escapes such as `%3A` of a digest are decoded once
 */
export function parseRoute(target: string): Route {
  const mark = target.indexOf('?');
  const path = decoded(mark < 0 ? target : target.slice(0, mark));
  if (path === '/v2/' || path === '/v2') return { kind: 'base' };
  if (!path?.startsWith('/v2/')) return { kind: 'unknown' };
  const query = new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1));
  if (path === '/v2/_catalog') return { kind: 'catalog', query };
  const end = path.lastIndexOf('/');
  const kindAt = path.lastIndexOf('/', end - 1);
  if (kindAt < '/v2/'.length) return { kind: 'unknown' };
  const name = path.slice('/v2/'.length, kindAt);
  const kind = path.slice(kindAt + 1, end);
  const last = path.slice(end + 1);
  if (kind === 'tags' && last === 'list') return named(name, { kind: 'tags', name, query });
  if (kind === 'manifests') return named(name, { kind: 'manifest', name, reference: last });
  if (kind === 'blobs') return named(name, isDigest(last) ? { kind: 'blob', name, digest: last } : INVALID_DIGEST);
  if (kind === 'referrers')
    return named(name, isDigest(last) ? { kind: 'referrers', name, digest: last, query } : INVALID_DIGEST);
  return { kind: 'unknown' };
}

const INVALID_DIGEST: Route = { kind: 'invalid-digest' };

function named(name: string, route: Route): Route {
  return isName('repository', name) ? route : { kind: 'invalid-name' };
}

/** Decodes a path; undefined if it has invalid escapes. */
function decoded(path: string): string | undefined {
  if (!path.includes('%')) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
