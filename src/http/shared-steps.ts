import type { Emit } from '../base/events.ts';
import { runStep } from '../base/step.ts';

/** Waits of several requests for the same thing, shown as one step. */
export interface SharedSteps {
  /**
   * Begins a step, or joins the open one with the same key. It ends when all have called the returned function; further
   * calls do nothing.
   */
  begin(key: string, title: string): () => void;
}

interface OpenStep {
  users: number;
  readonly end: () => void;
}

export function createSharedSteps(emit: Emit): SharedSteps {
  const open = new Map<string, OpenStep>();
  const start = (title: string): OpenStep => {
    const { promise, resolve } = Promise.withResolvers<void>();
    void runStep(emit, title, () => promise);
    return { users: 0, end: resolve };
  };
  return {
    begin(key, title) {
      const step = open.get(key) ?? start(title);
      open.set(key, step);
      step.users++;
      let isEnded = false;
      return () => {
        if (isEnded) return;
        isEnded = true;
        step.users--;
        if (step.users > 0) return;
        open.delete(key);
        step.end();
      };
    },
  };
}

/** Runs `begin` if the work takes more than this many milliseconds, and what it returns when the work has ended. */
export async function whileSlow<R>(work: Promise<R>, delay: number, begin: () => () => void): Promise<R> {
  let end = (): void => {};
  const timer = setTimeout(() => {
    end = begin();
  }, delay).unref();
  try {
    return await work;
  } finally {
    clearTimeout(timer);
    end();
  }
}
