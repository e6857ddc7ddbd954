import { type AirgapError, type ErrorCode, ours } from '../base/errors.ts';

/** Images of a registry whose signatures and other referrers are not all known, or could not be read. */
export interface Unanswered {
  readonly registry: string;
  /** As they were asked for, each once, in order. */
  readonly images: readonly string[];
  /** What the registry said, or that it said nothing: the first of it. */
  readonly error: AirgapError;
}

/** What is asked for: lists of the referrers API, tags, manifests or blobs. One may work where the others do not. */
export type QuestionKind = 'list' | 'tag' | 'manifest' | 'blob';

/**
 * Milliseconds that questions of one kind to one registry may take in vain, one after the other or together, before no more
 * are asked. Each has had its repetitions by then.
 */
const IN_VAIN = 30_000;

const ANSWERS: ReadonlySet<ErrorCode> = new Set(['unauthorized', 'forbidden', 'image-not-found']);

interface Line {
  inVain: number;
  /** Why no more is asked. */
  closed?: AirgapError;
  /** Whether there ever was an answer. */
  isAnswered?: boolean;
  /** A question before the first answer, which others wait for. */
  alone?: Promise<unknown> | undefined;
}

/**
 * Questions on the side of a run: what a registry has of signatures and other referrers. None of them ends a run; who had
 * no answer is on record. A registry that fails to answer some of them is not asked for the others.
 */
export class ReferrerQuestions {
  readonly #now: () => number;
  readonly #lines = new Map<string, Line>();
  readonly #unanswered = new Map<string, { readonly error: AirgapError; readonly images: Set<string> }>();

  /** @param now milliseconds of a clock */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Asks, unless too much was asked in vain. Before the first answer lists are asked for one at a time: a registry whose API
   * hangs costs the time of one question, and one that fails is not asked hundreds of times at once.
   * @param turn waits for its turn, which is no fault of the registry's
   * @throws AirgapError what the question throws, also for one that is not asked any more
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
      // Answers: who may not know is told so at once, and may know of the next image; and what is not there is not there.
      if (ANSWERS.has(error.code)) {
        line.isAnswered = true;
        throw error;
      }
      line.inVain += this.#now() - began;
      if (line.inVain >= IN_VAIN) line.closed ??= error;
      throw error;
    }
  }

  /** Puts on record that of these images not everything is known. @throws AirgapError `interrupted` */
  note(registry: string, images: Iterable<string>, error: AirgapError): void {
    if (error.code === 'interrupted') throw error;
    const known = this.#unanswered.get(registry) ?? { error, images: new Set() };
    for (const image of images) known.images.add(image);
    this.#unanswered.set(registry, known);
  }

  /** What is on record, a registry each. */
  unanswered(): readonly Unanswered[] {
    return [...this.#unanswered]
      .map(([registry, { error, images }]) => ({ registry, images: [...images].sort(), error }))
      .sort((a, b) => (a.registry < b.registry ? -1 : 1));
  }
}
