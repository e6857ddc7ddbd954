import { type AirgapError, asAirgapError, type ErrorCode } from '../../base/errors.ts';

/** Images of a registry whose referrers could not all be listed or read. */
export interface IncompleteReferrers {
  readonly registry: string;
  /** Image names without duplicates, sorted. */
  readonly images: readonly string[];
  /** First error of the registry. */
  readonly error: AirgapError;
}

/** Kinds of requests: lists of the referrers API, tags, manifests or blobs. A registry may support only some. */
export type RequestKind = 'list' | 'tag' | 'manifest' | 'blob';

/**
 * Milliseconds that failed requests of one kind may take in total, per registry, before no more are sent. Each of them
 * has been retried by then.
 */
const FAILURE_BUDGET = 30_000;

const CONCLUSIVE: ReadonlySet<ErrorCode> = new Set(['unauthorized', 'forbidden', 'image-not-found']);

interface EndpointState {
  failedFor: number;
  /** Error because of which no more requests are sent. */
  stoppedBy?: AirgapError;
  /** The registry has answered at least once. */
  isAnswered?: boolean;
  /** First request, for which the others wait. */
  pending?: Promise<unknown> | undefined;
}

/**
 * Runs optional requests for referrers. Their failures do not fail a run; the affected images are recorded. After
 * repeated failures no more requests are sent to that registry.
 */
export class ReferrerRequests {
  readonly #now: () => number;
  readonly #endpoints = new Map<string, EndpointState>();
  readonly #incomplete = new Map<string, { readonly error: AirgapError; readonly images: Set<string> }>();

  /** @param now returns the time of a monotonic clock in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Runs a request unless the failure budget is used up. Until the first answer, list requests run one at a time: a
   * hanging API then costs the time of one request, and a failing one does not get hundreds at once.
   * @param schedule runs the request within a concurrency limit; waiting does not count towards the failure budget
   * @throws AirgapError of the request, or the earlier error if it is no longer sent
   */
  async run<T>(
    kind: RequestKind,
    registry: string,
    request: () => Promise<T>,
    schedule: (work: () => Promise<T>) => Promise<T> = (work) => work(),
  ): Promise<T> {
    const key = `${kind} ${registry}`;
    const endpoint = this.#endpoints.get(key) ?? { failedFor: 0 };
    this.#endpoints.set(key, endpoint);
    while (endpoint.pending !== undefined) await endpoint.pending;
    const running = schedule(() => this.#run(endpoint, request));
    if (kind === 'list' && endpoint.isAnswered !== true) {
      endpoint.pending = running
        .catch(() => undefined)
        .then(() => {
          endpoint.pending = undefined;
        });
    }
    return running;
  }

  async #run<T>(endpoint: EndpointState, request: () => Promise<T>): Promise<T> {
    if (endpoint.stoppedBy !== undefined) throw endpoint.stoppedBy;
    const began = this.#now();
    try {
      const answer = await request();
      endpoint.failedFor = 0;
      endpoint.isAnswered = true;
      return answer;
    } catch (thrown) {
      const error = asAirgapError(thrown);
      // These are answers for one image, which say nothing about the next one.
      if (CONCLUSIVE.has(error.code)) {
        endpoint.isAnswered = true;
        throw error;
      }
      endpoint.failedFor += this.#now() - began;
      if (endpoint.failedFor >= FAILURE_BUDGET) endpoint.stoppedBy ??= error;
      throw error;
    }
  }

  /** Records images whose referrers are incomplete. @throws AirgapError `interrupted` */
  record(registry: string, images: Iterable<string>, error: AirgapError): void {
    if (error.code === 'interrupted') throw error;
    const known = this.#incomplete.get(registry) ?? { error, images: new Set() };
    for (const image of images) known.images.add(image);
    this.#incomplete.set(registry, known);
  }

  /** Returns the recorded images, by registry. */
  incomplete(): readonly IncompleteReferrers[] {
    return [...this.#incomplete]
      .map(([registry, { error, images }]) => ({ registry, images: [...images].sort(), error }))
      .sort((a, b) => (a.registry < b.registry ? -1 : 1));
  }
}
