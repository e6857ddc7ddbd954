import { AirgapError } from '../base/errors.ts';
import { checkName, isName } from '../base/names.ts';
import { quoted } from '../base/printable.ts';
import { isDigest } from '../oci/digest.ts';
import type { Repository } from '../oci/reference.ts';
import { apiHost, registryAt } from './hosts.ts';

/** Tags on one page: what ECR and distribution give at most. */
const TAGS = 1000;

/** What is asked of a repository's API, in parts that are checked before they become a URL. */
export type Endpoint =
  | { readonly kind: 'manifests' /** Tag or digest. */; readonly reference: string }
  | { readonly kind: 'blobs' | 'referrers'; readonly digest: string }
  | { readonly kind: 'tags' }
  /** A new upload; with `mount` the registry may take the blob from another of its repositories instead. */
  | { readonly kind: 'uploads'; readonly mount?: { readonly digest: string; readonly from: Repository } };

/**
 * The URL of an endpoint. Names come from charts, bundles and registries: each is checked by its grammar and encoded, and
 * the result is never outside of `/v2/<repository>/` of the registry, whatever they hold.
 * @throws AirgapError `reference-invalid` for a name that no registry, repository, tag or digest can have
 */
export function apiUrl(scheme: 'http' | 'https', repository: Repository, endpoint: Endpoint): URL {
  const { registry } = repository;
  checkName('registry', registry, 'a request to a registry', 'reference-invalid');
  const base = `/v2/${repositoryPath(repository)}/`;
  const root = URL.parse(`${scheme}://${apiHost(registry)}/`);
  // By its letters a name, as `256.1.1.1` or `r.example:99999` is.
  if (root === null) throw new AirgapError('reference-invalid', `there can be no host and port ${quoted(registry)}`);
  const url = new URL(`${base}${restOf(endpoint, registry)}`, root);
  if (url.origin === root.origin && url.pathname.startsWith(base)) return url;
  throw new AirgapError('reference-invalid', `a request to ${registry}: ${quoted(url.href)} is outside of ${base}`);
}

/** The repository whose manifest, blob or referrers a URL is for; undefined for any other URL. */
export function repositoryAt({ host, pathname }: URL): Repository | undefined {
  const [, path] = /^\/v2\/(.+)\/(?:manifests|blobs|referrers)\/[^/]+$/.exec(pathname) ?? [];
  const registry = registryAt(host);
  return path !== undefined && isName('repository', path) && isName('registry', registry)
    ? { registry, path }
    : undefined;
}

function restOf(endpoint: Endpoint, registry: string): string {
  if (endpoint.kind === 'manifests') {
    const { reference } = endpoint;
    if (!isDigest(reference)) checkName('tag', reference, `a request to ${registry}`, 'reference-invalid');
    return `manifests/${encode(reference)}`;
  }
  if (endpoint.kind === 'tags') return `tags/list?n=${TAGS}`;
  if (endpoint.kind !== 'uploads') return `${endpoint.kind}/${checkedDigest(endpoint.digest, registry)}`;
  const { mount } = endpoint;
  if (mount === undefined) return 'blobs/uploads/';
  return `blobs/uploads/?mount=${checkedDigest(mount.digest, registry)}&from=${repositoryPath(mount.from)}`;
}

function repositoryPath({ registry, path }: Repository): string {
  return encode(checkName('repository', path, `a request to ${registry}`, 'reference-invalid'));
}

function checkedDigest(digest: string, registry: string): string {
  if (isDigest(digest)) return encode(digest);
  throw new AirgapError('reference-invalid', `a request to ${registry}: ${quoted(digest)} is no digest`);
}

/** Slashes separate the parts of a repository's name, and colons need no encoding in a path (RFC 3986, 3.3). */
function encode(name: string): string {
  return encodeURIComponent(name).replaceAll('%2F', '/').replaceAll('%3A', ':');
}
