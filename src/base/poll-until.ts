import { setTimeout as sleep } from 'node:timers/promises';

/** Number of reads: an answer may be damaged, or a replica or cache may lag by some seconds. */
const ATTEMPTS = 5;
/** Milliseconds before the second read; doubles after each, 7.5 s in total. */
const DELAY = 500;

export interface PollOptions {
  readonly attempts?: number;
  /** Milliseconds before the second read. */
  readonly delay?: number;
}

/** Reads until the answer is the expected one or the attempts are used up. Returns the last answer. */
export async function pollUntil<T>(
  read: () => Promise<T>,
  isExpected: (answer: T) => boolean,
  { attempts = ATTEMPTS, delay = DELAY }: PollOptions = {},
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const answer = await read();
    if (isExpected(answer) || attempt === attempts) return answer;
    await sleep(delay * 2 ** (attempt - 1));
  }
}
