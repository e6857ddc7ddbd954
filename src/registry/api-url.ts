import { AirgapError } from '../base/errors.ts';
import { checkName, isName } from '../base/names.ts';
import { quoted } from '../base/printable.ts';
import { isDigest } from '../oci/digest.ts';
import type { Repository } from '../oci/reference.ts';
import { apiHost, registryOfHost } from './routes.ts';

/** Tags per page: the maximum of ECR and distribution. */
const TAGS_PER_PAGE = 1000;

/** Endpoint of a repository's API, in parts that are validated before they become a URL. */
export type Endpoint =
  | { readonly kind: 'manifests' /** Tag or digest. */; readonly reference: string }
  | { readonly kind: 'blobs' | 'referrers'; readonly digest: string }
  | { readonly kind: 'tags' }
  /** New upload session, or with `mount` a mount of the blob from another repository of the registry. */
  | { readonly kind: 'uploads'; readonly mount?: { readonly digest: string; readonly from: Repository } };

/**
 * Returns the URL of an endpoint. Names come from charts, bundles and registries, so each is validated and encoded. The
 * result is never outside of `/v2/<repository>/` of the registry.
 * @throws AirgapError `reference-invalid` for an invalid registry, repository, tag or digest
 */
export function apiUrl(scheme: 'http' | 'https', repository: Repository, endpoint: Endpoint): URL {
  const { registry } = repository;
  checkName('registry', registry, 'request to a registry', 'reference-invalid');
  const base = `/v2/${repositoryPath(repository)}/`;
  const root = URL.parse(`${scheme}://${apiHost(registry)}/`);
  // `256.1.1.1` and `r.example:99999` match the grammar but are not valid hosts.
  if (root === null) throw new AirgapError('reference-invalid', `${quoted(registry)} is not a valid registry host`);
  const url = new URL(`${base}${endpointPath(endpoint, registry)}`, root);
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
  if (endpoint.kind === 'manifests') {
    const { reference } = endpoint;
    if (!isDigest(reference)) checkName('tag', reference, `request to ${registry}`, 'reference-invalid');
    return `manifests/${encodePath(reference)}`;
  }
  if (endpoint.kind === 'tags') return `tags/list?n=${TAGS_PER_PAGE}`;
  if (endpoint.kind !== 'uploads') return `${endpoint.kind}/${encodedDigest(endpoint.digest, registry)}`;
  const { mount } = endpoint;
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
