import { setTimeout as sleep } from 'node:timers/promises';

/** Number of reads: an answer may be damaged, or a replica or cache may lag by some seconds. */
const TRIES = 5;
/** Milliseconds before the second read; doubles after each, 7.5 s in total. */
const PAUSE = 500;

export interface AskUntilOptions {
  readonly tries?: number;
  /** Milliseconds before the second read. */
  readonly pause?: number;
}

/** Reads until the answer is the expected one or the attempts are used up. Returns the last answer. */
export async function askUntil<T>(
  ask: () => Promise<T>,
  isRight: (answer: T) => boolean,
  { tries = TRIES, pause = PAUSE }: AskUntilOptions = {},
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const answer = await ask();
    if (isRight(answer) || attempt === tries) return answer;
    await sleep(pause * 2 ** (attempt - 1));
  }
}
