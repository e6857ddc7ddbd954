import { canonicalHubName } from '../base/docker-hub.ts';
import { AirgapError } from '../base/errors.ts';
import { trimTrailing } from '../base/text-trim.ts';
import { formatRepository, type Repository, tryParseRepository } from '../oci/reference.ts';

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

/** Redirects reads of `from` to `to`. Both are a host with an optional path; `from` may be `*`. */
export interface Mirror {
  readonly from: string;
  readonly to: string;
}

/**
 * Parses `FROM=TO`, as in `quay.io=artifactory.example/quay` or `*=mirror.example/cache`.
 * @throws AirgapError `usage`
 */
export function parseMirror(text: string): Mirror {
  const equals = text.indexOf('=');
  const from = trimTrailing(text.slice(0, Math.max(0, equals)), '/');
  const to = trimTrailing(text.slice(equals + 1), '/');
  if (equals < 0 || !(from === '*' || isMirrorPrefix(from)) || !isMirrorPrefix(to)) {
    throw new AirgapError('usage', `"${text}" is not a valid mirror`, {
      hint: 'write HOST[/PATH]=HOST[/PATH], as in quay.io=artifactory.example/quay, or *=HOST/PATH for every registry',
    });
  }
  return { from: canonicalHubName(from), to };
}

/**
 * Returns the route for reads of a repository. The longest matching `from` wins; with `*`, the source host becomes part
 * of the path, so that the mirror can distinguish registries.
 */
export function mirrorRoute(mirrors: readonly Mirror[], repository: Repository): RepositoryRoute {
  const name = formatRepository(repository);
  const matching = mirrors.filter(({ from }) => from === '*' || name === from || name.startsWith(`${from}/`));
  const mirror = matching.sort((a, b) => specificity(b) - specificity(a))[0];
  if (mirror === undefined) return directRoute(repository);
  const suffix = mirror.from === '*' ? `/${name.replace(/:(\d+)(?=\/)/, '-$1')}` : name.slice(mirror.from.length);
  const full = `${mirror.to}${suffix}`;
  const slash = full.indexOf('/');
  return { named: repository, actual: { registry: full.slice(0, slash), path: full.slice(slash + 1) } };
}

function specificity({ from }: Mirror): number {
  return from === '*' ? 0 : from.length;
}

function isMirrorPrefix(text: string): boolean {
  const host = text.split('/')[0] as string;
  const hasHost = /[.:]/.test(host) || host === 'localhost';
  return hasHost && tryParseRepository(text.includes('/') ? text : `${text}/x`) !== undefined;
}
