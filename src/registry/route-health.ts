import type { AirgapError } from '../base/errors.ts';
import { formatRepository } from '../oci/reference.ts';
import type { RepositoryRoute } from './routes.ts';

/** Milliseconds for which a host that did not answer is not asked again. */
const PAUSE = 30_000;
/** Failures in a row (throttling, server errors) after which a host counts as one that does not answer. */
const MAX_FAILURES = 3;

interface Silence {
  readonly error: AirgapError;
  readonly since: number;
}

/** Routes of a repository in the order in which they should be tried. */
export interface OrderedRoutes {
  readonly routes: readonly RepositoryRoute[];
  /** The last one that is expected to answer, which deserves all attempts; if none is, the last one. */
  readonly lastExpected: RepositoryRoute | undefined;
}

/**
 * Remembers which mirrors do not answer or refuse access, for one run: they come after all others, and a run does not wait
 * for the same timeout for each blob.
 */
export class RouteHealth {
  readonly #now: () => number;
  readonly #silent = new Map<string, Silence>();
  readonly #failures = new Map<string, number>();
  readonly #refusing = new Set<string>();

  /** @param now returns the time of a monotonic clock in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Puts routes that refuse access after those that answer, and silent hosts after both. Otherwise keeps the order. */
  order(routes: readonly RepositoryRoute[]): OrderedRoutes {
    const silent = routes.filter((route) => this.isSilent(route));
    const answering = routes.filter((route) => !silent.includes(route));
    const refusing = answering.filter(({ actual }) => this.#refusing.has(formatRepository(actual)));
    const good = answering.filter((route) => !refusing.includes(route));
    const lastExpected = good.at(-1) ?? refusing.at(-1) ?? silent.at(-1);
    return { routes: [...good, ...refusing, ...silent], lastExpected };
  }

  /** Reports whether the host of a route has not answered in this run. */
  isSilent({ actual }: RepositoryRoute): boolean {
    return this.#silent.has(actual.registry);
  }

  /** Returns the error of a host that failed a moment ago and should not be asked again yet. */
  pausedBy({ actual }: RepositoryRoute): AirgapError | undefined {
    const silence = this.#silent.get(actual.registry);
    return silence !== undefined && this.#now() - silence.since < PAUSE ? silence.error : undefined;
  }

  recordAnswer({ actual }: RepositoryRoute): void {
    this.#failures.delete(actual.registry);
  }

  recordFailure({ actual }: RepositoryRoute, error: AirgapError): void {
    const { registry } = actual;
    if (error.code === 'unauthorized' || error.code === 'forbidden') this.#refusing.add(formatRepository(actual));
    const isFailing = error.code === 'registry' && error.isTransient;
    const failures = isFailing ? (this.#failures.get(registry) ?? 0) + 1 : 0;
    this.#failures.set(registry, failures);
    if (error.code === 'network' || failures >= MAX_FAILURES) this.#silent.set(registry, { error, since: this.#now() });
  }
}
