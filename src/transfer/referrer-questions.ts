import { type AirgapError, type ErrorCode, ours } from '../base/errors.ts';

/** Images of a registry whose referrers could not all be listed or read. */
export interface Unanswered {
  readonly registry: string;
  /** Image names without duplicates, sorted. */
  readonly images: readonly string[];
  /** First error of the registry. */
  readonly error: AirgapError;
}

/** Kinds of requests: lists of the referrers API, tags, manifests or blobs. A registry may support only some. */
export type QuestionKind = 'list' | 'tag' | 'manifest' | 'blob';

/**
 * Milliseconds that failed requests of one kind may take in total, per registry, before no more are sent. Each of them
 * has been retried by then.
 */
const IN_VAIN = 30_000;

const ANSWERS: ReadonlySet<ErrorCode> = new Set(['unauthorized', 'forbidden', 'image-not-found']);

interface Line {
  inVain: number;
  /** Error because of which no more requests are sent. */
  closed?: AirgapError;
  /** The registry has answered at least once. */
  isAnswered?: boolean;
  /** First request, for which the others wait. */
  alone?: Promise<unknown> | undefined;
}

/**
 * Runs optional requests for referrers. Their failures do not fail a run; the affected images are recorded. After
 * repeated failures no more requests are sent to that registry.
 */
export class ReferrerQuestions {
  readonly #now: () => number;
  readonly #lines = new Map<string, Line>();
  readonly #unanswered = new Map<string, { readonly error: AirgapError; readonly images: Set<string> }>();

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
  async ask<T>(
    kind: QuestionKind,
    registry: string,
    question: () => Promise<T>,
    turn: (work: () => Promise<T>) => Promise<T> = (work) => work(),
  ): Promise<T> {
    const key = `${kind} ${registry}`;
    const line = this.#lines.get(key) ?? { inVain: 0 };
    this.#lines.set(key, line);
    while (line.alone !== undefined) await line.alone;
    const asking = turn(() => this.#ask(line, question));
    if (kind === 'list' && line.isAnswered !== true) {
      line.alone = asking
        .catch(() => undefined)
        .then(() => {
          line.alone = undefined;
        });
    }
    return asking;
  }

  async #ask<T>(line: Line, question: () => Promise<T>): Promise<T> {
    if (line.closed !== undefined) throw line.closed;
    const began = this.#now();
    try {
      const answer = await question();
      line.inVain = 0;
      line.isAnswered = true;
      return answer;
    } catch (thrown) {
      const error = ours(thrown);
      // These are answers for one image, which say nothing about the next one.
      if (ANSWERS.has(error.code)) {
        line.isAnswered = true;
        throw error;
      }
      line.inVain += this.#now() - began;
      if (line.inVain >= IN_VAIN) line.closed ??= error;
      throw error;
    }
  }

  /** Records images whose referrers are incomplete. @throws AirgapError `interrupted` */
  note(registry: string, images: Iterable<string>, error: AirgapError): void {
    if (error.code === 'interrupted') throw error;
    const known = this.#unanswered.get(registry) ?? { error, images: new Set() };
    for (const image of images) known.images.add(image);
    this.#unanswered.set(registry, known);
  }

  /** Returns the recorded images, by registry. */
  unanswered(): readonly Unanswered[] {
    return [...this.#unanswered]
      .map(([registry, { error, images }]) => ({ registry, images: [...images].sort(), error }))
      .sort((a, b) => (a.registry < b.registry ? -1 : 1));
  }
}
