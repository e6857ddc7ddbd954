import type { Repository } from '../oci/reference.ts';

/** API hosts of registries that users write by another name. */
const API_HOSTS: ReadonlyMap<string, string> = new Map([['docker.io', 'registry-1.docker.io']]);

/** Returns the host that serves a registry's API. */
export function apiHost(registry: string): string {
  return API_HOSTS.get(registry) ?? registry;
}

/** Returns the registry whose API a host serves, as users write it. */
export function registryAt(host: string): string {
  for (const [registry, api] of API_HOSTS) if (api === host) return registry;
  return host;
}

/** Route of read requests for a repository. */
export interface Place {
  /** Repository named by the user. */
  readonly wanted: Repository;
  /** Repository that is requested: another one when a mirror is used. */
  readonly asked: Repository;
}

/** Returns the route without a mirror. */
export function directly(repository: Repository): Place {
  return { wanted: repository, asked: repository };
}

/** Formats `registry/path:tag` or `registry/path@digest`, followed by the mirror in parentheses. */
export function describePlace({ wanted, asked }: Place, tagOrDigest?: string): string {
  const suffix = tagOrDigest === undefined ? '' : `${tagOrDigest.includes(':') ? '@' : ':'}${tagOrDigest}`;
  const name = `${wanted.registry}/${wanted.path}${suffix}`;
  return wanted === asked ? name : `${name} (via mirror ${asked.registry}/${asked.path}${suffix})`;
}
