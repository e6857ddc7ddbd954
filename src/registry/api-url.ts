import { AirgapError } from '../base/errors.ts';
import { checkName, isName } from '../base/names.ts';
import { quoted } from '../base/printable.ts';
import { isDigest } from '../oci/digest.ts';
import type { Repository } from '../oci/reference.ts';
import { apiHost, registryOfHost } from './routes.ts';

/** Names per page of a list: the maximum of ECR and distribution. */
export const NAMES_PER_PAGE = 1000;

/** Endpoint of a repository's API, in parts that are validated before they become a URL. */
export type Endpoint =
  | { readonly kind: 'manifests' /** Tag or digest. */; readonly reference: string }
  | { readonly kind: 'blobs' | 'referrers'; readonly digest: string }
  /** Tags of the repository, or repositories of the registry. `query` is that of a page; default: the first one. */
  | { readonly kind: 'tags' | 'catalog'; readonly query?: string }
  /** Root of the API, `/v2/`: answers 200 to a client that may use the registry at all. */
  | { readonly kind: 'root' }
  /** New upload session, or with `mount` a mount of the blob from another repository of the registry. */
  | { readonly kind: 'uploads'; readonly mount?: { readonly digest: string; readonly from: Repository } };

/**
 * Returns the URL of an endpoint. Names come from charts, bundles and registries, so each is validated and encoded. The
 * result is never outside of `/v2/<repository>/` of the registry; `catalog` is `/v2/_catalog` and `root` is `/v2/`, whatever
 * the repository.
 * @throws AirgapError `reference-invalid` for an invalid registry, repository, tag or digest
 */
export function apiUrl(scheme: 'http' | 'https', repository: Repository, endpoint: Endpoint): URL {
  const { registry } = repository;
  checkName('registry', registry, 'request to a registry', 'reference-invalid');
  const base = endpoint.kind === 'catalog' || endpoint.kind === 'root' ? '/v2/' : `/v2/${repositoryPath(repository)}/`;
  const root = URL.parse(`${scheme}://${apiHost(registry)}/`);
  // `256.1.1.1` and `r.example:99999` match the grammar but are not valid hosts.
  if (root === null) throw new AirgapError('reference-invalid', `${quoted(registry)} is not a valid registry host`);
  const url = new URL(`${base}${endpointPath(endpoint, registry)}`, root);
  // Set as a whole, so that it cannot change the path.
  if (endpoint.kind === 'tags' || endpoint.kind === 'catalog') url.search = endpoint.query ?? `n=${NAMES_PER_PAGE}`;
  if (url.origin === root.origin && url.pathname.startsWith(base)) return url;
  throw new AirgapError('reference-invalid', `request to ${registry}: ${quoted(url.href)} is outside of ${base}`);
}

/** Returns the repository of a manifest, blob or referrers URL; undefined for any other URL. */
export function repositoryFromUrl({ host, pathname }: URL): Repository | undefined {
  const [, path] = /^\/v2\/(.+)\/(?:manifests|blobs|referrers)\/[^/]+$/.exec(pathname) ?? [];
  const registry = registryOfHost(host);
  return path !== undefined && isName('repository', path) && isName('registry', registry)
    ? { registry, path }
    : undefined;
}

function endpointPath(endpoint: Endpoint, registry: string): string {
  switch (endpoint.kind) {
    case 'manifests': {
      const { reference } = endpoint;
      if (!isDigest(reference)) checkName('tag', reference, `request to ${registry}`, 'reference-invalid');
      return `manifests/${encodePath(reference)}`;
    }
    case 'tags':
      return 'tags/list';
    case 'catalog':
      return '_catalog';
    case 'root':
      return '';
    case 'uploads':
      return uploadPath(endpoint, registry);
    default:
      return `${endpoint.kind}/${encodedDigest(endpoint.digest, registry)}`;
  }
}

function uploadPath({ mount }: Extract<Endpoint, { readonly kind: 'uploads' }>, registry: string): string {
  if (mount === undefined) return 'blobs/uploads/';
  return `blobs/uploads/?mount=${encodedDigest(mount.digest, registry)}&from=${repositoryPath(mount.from)}`;
}

function repositoryPath({ registry, path }: Repository): string {
  return encodePath(checkName('repository', path, `request to ${registry}`, 'reference-invalid'));
}

function encodedDigest(digest: string, registry: string): string {
  if (isDigest(digest)) return encodePath(digest);
  throw new AirgapError('reference-invalid', `request to ${registry}: ${quoted(digest)} is not a digest`);
}

/** Encodes all but slashes, which separate path components, and colons, which are allowed in a path (RFC 3986, 3.3). */
function encodePath(name: string): string {
  return encodeURIComponent(name).replaceAll('%2F', '/').replaceAll('%3A', ':');
}
