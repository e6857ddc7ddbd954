import type { Fault, RecordedRequest } from '../../test/support/fault-proxy.ts';

/** Scope of a fault: one request, five of the same step in a row, all of the step, all of the repository, all writes, or all requests. */
export type Reach = 'once' | 'storm' | 'step' | 'repository' | 'writes' | 'all';

/**
 * Connection to the registry: plain HTTP, directly or through an HTTP proxy, or TLS with a private authority, directly or
 * through a proxy's tunnel.
 */
export const WAYS = ['direct', 'proxy', 'tls', 'tunnel'] as const;
export type Way = (typeof WAYS)[number];

/** One kind of fault. */
export interface Kind {
  /** Row of the table. */
  readonly row: string;
  /** Distinguishes it from others of the row. */
  readonly variant: string;
  readonly reach: Reach;
  /** Returns whether it can be tried on a request of a run without faults. */
  readonly applies: (seen: RecordedRequest) => boolean;
  readonly inject: Fault;
  /** Fault for later requests in its scope, if it is another one. */
  readonly then?: Fault;
  /** A run has to complete in spite of it. Requests that Helm makes are exempt. */
  readonly harmless?: true;
  /** Connection to the registry, if it is not plain HTTP without a proxy. */
  readonly way?: Exclude<Way, 'direct'>;
  /** The registry claims to have stored content that it has not: the transfer log can only repeat that. */
  readonly lies?: true;
  /** Another client wrote the tag: the second run overwrites it. */
  readonly conflict?: true;
}

export const any = (): boolean => true;
const writes = ({ method }: RecordedRequest): boolean => method === 'PUT' || method === 'POST';
export const hasBody = ({ method, answered }: RecordedRequest): boolean => method === 'GET' && answered > 0;
/** A request for the catalogue or a list of tags. */
export const isListing = ({ path }: RecordedRequest): boolean =>
  path.startsWith('/v2/_catalog') || /\/tags\/list\b/.test(path);
/** Nothing tells that one letter of a name in a list is wrong. */
export const isVerifiable = (seen: RecordedRequest): boolean => hasBody(seen) && !isListing(seen);
export const sends = ({ sent }: RecordedRequest): boolean => sent > 0;
export const isApi = ({ path }: RecordedRequest): boolean => path.startsWith('/v2/');
export const isToken = ({ path }: RecordedRequest): boolean => path.startsWith('/token');
export const isContent = (seen: RecordedRequest): boolean => hasBody(seen) && seen.status === 200 && isApi(seen);
export const isSession = ({ method, path }: RecordedRequest): boolean => method === 'PUT' && path.includes('/uploads/');
export const isTag = ({ method, path }: RecordedRequest): boolean =>
  method === 'PUT' && /\/manifests\/(?!sha256:)/.test(path);
export const stores = (seen: RecordedRequest): boolean => isApi(seen) && writes(seen) && seen.status === 201;
export const isAnswered = ({ status }: RecordedRequest): boolean => status !== 401;
export const isBlob = (seen: RecordedRequest): boolean =>
  isContent(seen) && /\/blobs\/sha256:/.test(decodeURIComponent(seen.path));
export const isManifestWrite = ({ method, path }: RecordedRequest): boolean =>
  method === 'PUT' && path.includes('/manifests/');
export const isMount = ({ method, path }: RecordedRequest): boolean => method === 'POST' && path.includes('mount=');
export const isHead = (seen: RecordedRequest): boolean => seen.method === 'HEAD' && isApi(seen);
export const isReferrers = ({ path }: RecordedRequest): boolean => path.includes('/referrers/');

export const make = (row: string, variant: string, reach: Reach, applies: Kind['applies'], inject: Fault): Kind => ({
  row,
  variant,
  reach,
  applies,
  inject,
});

/** The repository of a request. */
export function repositoryOf({ path }: Pick<RecordedRequest, 'path'>): string | undefined {
  return /^\/v2\/(.+?)\/(?:manifests|blobs|tags|referrers)\//.exec(path)?.[1];
}

/** Returns whether a fault that was triggered by one request applies to a later one. */
export function reaches(reach: Reach, at: RecordedRequest, later: RecordedRequest, hits: number): boolean {
  const kindOf = ({ step }: RecordedRequest): string => step.replace(/ #\d+$/, '');
  if (reach === 'once') return false;
  if (reach === 'storm') return hits < 5 && kindOf(at) === kindOf(later);
  if (reach === 'step') return kindOf(at) === kindOf(later);
  if (reach === 'repository') return repositoryOf(at) === repositoryOf(later);
  if (reach === 'writes') return writes(later) && isApi(later);
  return true;
}
