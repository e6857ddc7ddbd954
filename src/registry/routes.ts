import type { Repository } from '../oci/reference.ts';

/** API hosts of registries that users write by another name. */
const API_HOSTS: ReadonlyMap<string, string> = new Map([['docker.io', 'registry-1.docker.io']]);

/** Returns the host that serves a registry's API. */
export function apiHost(registry: string): string {
  return API_HOSTS.get(registry) ?? registry;
}

/** Returns the registry whose API a host serves, as users write it. */
export function registryOfHost(host: string): string {
  for (const [registry, api] of API_HOSTS) if (api === host) return registry;
  return host;
}

/** Route of read requests for a repository. */
export interface RepositoryRoute {
  /** Repository named by the user. */
  readonly named: Repository;
  /** Repository that is requested: another one when a mirror is used. */
  readonly actual: Repository;
}

/** Returns the route without a mirror. */
export function directRoute(repository: Repository): RepositoryRoute {
  return { named: repository, actual: repository };
}

/** Formats `registry/path:tag` or `registry/path@digest`, followed by the mirror in parentheses. */
export function describeRoute({ named, actual }: RepositoryRoute, tagOrDigest?: string): string {
  const suffix = tagOrDigest === undefined ? '' : `${tagOrDigest.includes(':') ? '@' : ':'}${tagOrDigest}`;
  const name = `${named.registry}/${named.path}${suffix}`;
  return named === actual ? name : `${name} (via mirror ${actual.registry}/${actual.path}${suffix})`;
}
