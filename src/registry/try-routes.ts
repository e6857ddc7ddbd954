import { AirgapError, type ErrorCode } from '../base/errors.ts';
import { formatRepository } from '../oci/reference.ts';
import type { RouteHealth } from './route-health.ts';
import { describeRoute, directRoute, type RepositoryRoute } from './routes.ts';
import type { RegistryRequest, Session } from './session.ts';

/** A route that did not serve the content: it does not have it, or failed. */
export interface Miss {
  readonly route: RepositoryRoute;
  /** Undefined if it answered a HEAD request with 404. */
  readonly error: AirgapError | undefined;
}

/** Content, the route that served it, and those before it that did not. */
export interface Served<T> {
  readonly value: T;
  readonly route: RepositoryRoute;
  readonly misses: readonly Miss[];
}

export interface TryOptions {
  readonly session: Session;
  readonly health: RouteHealth;
  /** Tag or digest, for messages; undefined for a whole repository. */
  readonly tagOrDigest?: string;
  /** True if there are further ways to get the content: no route gets all attempts then. Default false. */
  readonly hasAlternative?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Reports whether an error is about the request, so that no other route is tried. */
  readonly isFinal?: (error: AirgapError) => boolean;
  /** Route whose 404 is enough, whatever the others say, beside that of the named repository. */
  readonly authority?: RepositoryRoute | undefined;
}

/**
 * Reads from the first of several routes that has the content. One that does not answer, refuses, lacks the content or sends
 * other bytes is passed over. Only the last one that is expected to answer gets all attempts.
 * @param read returns undefined if the route does not have the content, or throws `image-not-found`
 * @returns undefined if none has it, and `read` has not thrown
 * @throws AirgapError of the only route; for several, one that names each with its cause
 */
export async function tryRoutes<T>(
  all: readonly RepositoryRoute[],
  read: (session: Session, route: RepositoryRoute) => Promise<T | undefined>,
  options: TryOptions,
): Promise<Served<T> | undefined> {
  const { session, health, hasAlternative = false, signal, isFinal } = options;
  const [only] = all;
  if (all.length === 1 && only !== undefined && !hasAlternative) {
    const value = await read(session, only);
    return value === undefined ? undefined : { value, route: only, misses: [] };
  }
  const { routes, lastExpected } = health.order(all);
  const impatient = withFewAttempts(session);
  const misses: Miss[] = [];
  // If no host answers, this machine may have lost its network for a moment.
  const mayAnswer = lastExpected !== undefined && !health.isSilent(lastExpected);
  for (const route of routes) {
    const paused = mayAnswer ? health.pausedBy(route) : undefined;
    if (paused !== undefined) {
      misses.push({ route, error: paused });
      continue;
    }
    try {
      const value = await read(route === lastExpected && !hasAlternative ? session : impatient, route);
      health.recordAnswer(route);
      if (value !== undefined) return { value, route, misses };
      misses.push({ route, error: undefined });
    } catch (error) {
      if (!(error instanceof AirgapError) || error.code === 'interrupted' || signal?.aborted || isFinal?.(error)) {
        throw error;
      }
      health.recordFailure(route, error);
      misses.push({ route, error });
    }
  }
  if (misses.every(({ error }) => error === undefined)) return undefined;
  const error = missError(misses, options);
  // The error of a lookup that may find nothing.
  if (error.code === 'image-not-found' && misses.some((miss) => miss.error === undefined)) return undefined;
  throw error;
}

/** Reports whether a route answered that it does not have the content. */
export function lacksContent({ error }: Miss): boolean {
  return error === undefined || error.code === 'image-not-found';
}

/** Errors that the user can fix, and those about the content. */
const FIRST_CODES: readonly ErrorCode[] = ['unauthorized', 'forbidden', 'digest-mismatch', 'unsupported'];

/** Creates the error for content that no route served. `misses` has at least one error. */
function missError(misses: readonly Miss[], { tagOrDigest, authority }: TryOptions): AirgapError {
  const [first] = misses;
  if (misses.length === 1 && first?.error !== undefined) return first.error;
  const code = codeOf(misses, authority);
  const primary = misses.find(({ error }) => error?.code === code)?.error;
  const details = misses.map(({ route, error }) => {
    const cause = error === undefined ? 'not found' : causeOf(error);
    return `${formatRepository(route.actual)}: ${cause}`;
  });
  const subject = first === undefined ? undefined : describeRoute(directRoute(first.route.named), tagOrDigest);
  return new AirgapError(code, `none of ${misses.length} mirrors served it`, {
    subject,
    detail: details.join('; '),
    hint: primary?.hint ?? misses.find(({ error }) => error?.hint !== undefined)?.error?.hint,
    cause: primary,
    isTransient: misses.some(({ error }) => error?.isTransient || error?.code === 'network'),
  });
}

/**
 * Returns the code for several misses. Content is missing if all say so, or the named repository or the authority does. It is
 * `network` only if no route answered, because callers then give up the whole registry.
 */
function codeOf(misses: readonly Miss[], authority: RepositoryRoute | undefined): ErrorCode {
  const isAuthority = ({ route }: Miss): boolean => route === authority || route.named === route.actual;
  if (misses.every(lacksContent) || misses.some((miss) => isAuthority(miss) && lacksContent(miss))) {
    return 'image-not-found';
  }
  const codes = misses.map(({ error }) => error?.code ?? 'image-not-found');
  if (codes.every((code) => code === 'network')) return 'network';
  return FIRST_CODES.find((code) => codes.includes(code)) ?? 'registry';
}

/** Returns the cause of an error without semicolons between its parts, which separate the mirrors. */
function causeOf({ reason, parts: { detail } }: AirgapError): string {
  return (detail === undefined ? reason : `${reason} (${detail})`).replaceAll('; ', ', ');
}

/** Returns a session whose requests are given up soon, because another host may serve the same. */
function withFewAttempts(session: Session): Session {
  const impatient = (request: RegistryRequest): RegistryRequest => ({ ...request, hasAlternative: true });
  return {
    ...session,
    send: (request) => session.send(impatient(request)),
    read: (request, limit, checkDamage) => session.read(impatient(request), limit, checkDamage),
  };
}
