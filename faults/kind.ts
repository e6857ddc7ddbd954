import type { Fault, Passage } from '../test/support/fault-proxy.ts';

/** How far a fault reaches: the one request, five of its kind in a row, all of its kind, all of its repository, all that write, or all. */
export type Reach = 'once' | 'storm' | 'step' | 'repository' | 'writes' | 'all';

/**
 * How a registry is reached: by plain HTTP, straight or through an HTTP proxy, or over TLS with a private authority,
 * straight or through a proxy's tunnel.
 */
export const WAYS = ['direct', 'proxy', 'tls', 'tunnel'] as const;
export type Way = (typeof WAYS)[number];

/** One kind of fault. */
export interface Kind {
  /** The row of the table. */
  readonly row: string;
  /** What tells it from others of the row. */
  readonly variant: string;
  readonly reach: Reach;
  /** Which requests of a run without faults it can be tried on. */
  readonly applies: (seen: Passage) => boolean;
  readonly inject: Fault;
  /** What later requests meet that it reaches, where that is something else. */
  readonly then?: Fault;
  /** A run completes in spite of it: to fail is bad. Where Helm makes the request, Helm decides. */
  readonly harmless?: true;
  /** How the registry is reached, where it is not plain HTTP straight away. */
  readonly way?: Exclude<Way, 'direct'>;
  /** The registry says that it has stored what it has not: the log of transfers can only repeat that. */
  readonly lies?: true;
  /** Somebody else wrote the tag: the second run is told to write over it. */
  readonly conflict?: true;
}

export const any = (): boolean => true;
export const writes = ({ method }: Passage): boolean => method === 'PUT' || method === 'POST';
export const hasBody = ({ method, answered }: Passage): boolean => method === 'GET' && answered > 0;
export const sends = ({ sent }: Passage): boolean => sent > 0;
export const isApi = ({ path }: Passage): boolean => path.startsWith('/v2/');
export const isToken = ({ path }: Passage): boolean => path.startsWith('/token');
export const isContent = (seen: Passage): boolean => hasBody(seen) && seen.status === 200 && isApi(seen);
export const isSession = ({ method, path }: Passage): boolean => method === 'PUT' && path.includes('/uploads/');
export const isTag = ({ method, path }: Passage): boolean => method === 'PUT' && /\/manifests\/(?!sha256:)/.test(path);
export const stores = (seen: Passage): boolean => isApi(seen) && writes(seen) && seen.status === 201;
export const isAnswered = ({ status }: Passage): boolean => status !== 401;
export const isBlob = (seen: Passage): boolean =>
  isContent(seen) && /\/blobs\/sha256:/.test(decodeURIComponent(seen.path));
export const isManifestWrite = ({ method, path }: Passage): boolean => method === 'PUT' && path.includes('/manifests/');
export const isMount = ({ method, path }: Passage): boolean => method === 'POST' && path.includes('mount=');
export const isHead = (seen: Passage): boolean => seen.method === 'HEAD' && isApi(seen);
export const isReferrers = ({ path }: Passage): boolean => path.includes('/referrers/');

export const make = (row: string, variant: string, reach: Reach, applies: Kind['applies'], inject: Fault): Kind => ({
  row,
  variant,
  reach,
  applies,
  inject,
});

/** The repository that a request is about. */
export function repositoryOf({ path }: Pick<Passage, 'path'>): string | undefined {
  return /^\/v2\/(.+?)\/(?:manifests|blobs|tags|referrers)\//.exec(path)?.[1];
}

/** Whether a fault that was set off at a request reaches a later one. */
export function reaches(reach: Reach, at: Passage, later: Passage, hits: number): boolean {
  const kindOf = ({ step }: Passage): string => step.replace(/ #\d+$/, '');
  if (reach === 'once') return false;
  if (reach === 'storm') return hits < 5 && kindOf(at) === kindOf(later);
  if (reach === 'step') return kindOf(at) === kindOf(later);
  if (reach === 'repository') return repositoryOf(at) === repositoryOf(later);
  if (reach === 'writes') return writes(later) && isApi(later);
  return true;
}
