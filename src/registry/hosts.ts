import type { Repository } from '../oci/reference.ts';

/** Docker Hub's registry is not at the name that people write. */
const API_HOSTS: ReadonlyMap<string, string> = new Map([['docker.io', 'registry-1.docker.io']]);

/** The host that serves a registry's API. */
export function apiHost(registry: string): string {
  return API_HOSTS.get(registry) ?? registry;
}

/** The registry whose API a host serves, as people write it. */
export function registryAt(host: string): string {
  for (const [registry, api] of API_HOSTS) if (api === host) return registry;
  return host;
}

/** Where a request for a repository goes. */
export interface Place {
  /** What the user named. */
  readonly wanted: Repository;
  /** What is asked for: another one when a mirror stands in. */
  readonly asked: Repository;
}

/** The place of a repository that no mirror stands in for. */
export function directly(repository: Repository): Place {
  return { wanted: repository, asked: repository };
}

/** `registry/path:tag` or `registry/path@digest`, and in brackets the mirror that was asked instead. */
export function describePlace({ wanted, asked }: Place, tagOrDigest?: string): string {
  const suffix = tagOrDigest === undefined ? '' : `${tagOrDigest.includes(':') ? '@' : ':'}${tagOrDigest}`;
  const name = `${wanted.registry}/${wanted.path}${suffix}`;
  return wanted === asked ? name : `${name} (asked of the mirror as ${asked.registry}/${asked.path}${suffix})`;
}
