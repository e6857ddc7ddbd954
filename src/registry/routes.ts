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

/** Redirects reads of `from` to `to`. Both are a host with an optional path; both may be `*` (see {@link parseMirror}). */
export interface Mirror {
  readonly from: string;
  readonly to: string;
}

/**
 * Parses `FROM=TO`, as in `quay.io=artifactory.example/quay` or `*=mirror.example/cache`. `quay.io=quay.io` and `*=*` name
 * the registry itself, as one of several mirrors.
 * @throws AirgapError `usage`
 */
export function parseMirror(text: string): Mirror {
  const equals = text.indexOf('=');
  const from = trimTrailing(text.slice(0, Math.max(0, equals)), '/');
  const to = trimTrailing(text.slice(equals + 1), '/');
  const isItself = from === '*' && to === '*';
  if (equals < 0 || !(from === '*' || isMirrorPrefix(from)) || !(isItself || isMirrorPrefix(to))) {
    throw new AirgapError('usage', `"${text}" is not a valid mirror`, {
      hint: 'write HOST[/PATH]=HOST[/PATH], as in quay.io=artifactory.example/quay, or *=HOST/PATH for every registry',
    });
  }
  return { from: canonicalHubName(from), to: canonicalHubName(to) };
}

/**
 * Returns the routes for reads of a repository, in the order in which they are tried: those of the longest matching `from`,
 * as they were given. With `*`, the source host becomes part of the path, so that the mirror can distinguish registries.
 * @param direct route to the repository itself, which is used if nothing matches
 */
export function mirrorRoutes(
  mirrors: readonly Mirror[],
  direct: RepositoryRoute,
): readonly [RepositoryRoute, ...RepositoryRoute[]] {
  const { named } = direct;
  const name = formatRepository(named);
  const matching = mirrors.filter(({ from }) => from === '*' || name === from || name.startsWith(`${from}/`));
  // Texts of one length that begin the same name are equal.
  const longest = Math.max(...matching.map(specificity));
  const names = new Set(
    matching.filter((mirror) => specificity(mirror) === longest).map((mirror) => nameAt(mirror, name)),
  );
  const [first = direct, ...others] = [...names].map((actualName) => {
    if (actualName === name) return direct;
    const slash = actualName.indexOf('/');
    return { named, actual: { registry: actualName.slice(0, slash), path: actualName.slice(slash + 1) } };
  });
  return [first, ...others];
}

/** Returns the name of a repository at a mirror. */
function nameAt({ from, to }: Mirror, name: string): string {
  if (to === '*') return name;
  return from === '*' ? `${to}/${name.replace(/:(\d+)(?=\/)/, '-$1')}` : `${to}${name.slice(from.length)}`;
}

function specificity({ from }: Mirror): number {
  return from === '*' ? 0 : from.length;
}

function isMirrorPrefix(text: string): boolean {
  const host = text.split('/')[0] as string;
  const hasHost = /[.:]/.test(host) || host === 'localhost';
  return hasHost && tryParseRepository(text.includes('/') ? text : `${text}/x`) !== undefined;
}
