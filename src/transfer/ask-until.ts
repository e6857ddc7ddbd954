import { setTimeout as sleep } from 'node:timers/promises';

/** Times that something is asked for: one answer may be damaged, or a replica or cache some seconds behind. */
const TRIES = 5;
/** Milliseconds after the first; twice as many after each, 7.5 s in all. */
const PAUSE = 500;

export interface AskUntilOptions {
  readonly tries?: number;
  /** Milliseconds before the second try. */
  readonly pause?: number;
}

/** Asks until the answer is what it should be, and gives the last one. */
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
