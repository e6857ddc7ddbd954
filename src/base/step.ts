import { threadId } from 'node:worker_threads';
import type { Emit } from './events.ts';

let started = 0;

/** Marks one more of the step's items as done. */
export type Advance = () => void;

/**
 * Runs a part of the run that may take long, between a `step` and a `step-end` event, so that people see what the run
 * waits for.
 * @param title what the run does or waits for, beginning with a verb: `rendering app 1.2.3`
 * @param total number of items, if `work` advances
 */
export async function runStep<R>(
  emit: Emit,
  title: string,
  work: (advance: Advance) => Promise<R>,
  total?: number,
): Promise<R> {
  // Worker threads pass on their events, and each counts for itself.
  const step = `${threadId}.${++started}`;
  let done = 0;
  emit({ type: 'step', step, title, ...(total !== undefined && { total }) });
  try {
    return await work(() => emit({ type: 'step-progress', step, done: ++done }));
  } finally {
    emit({ type: 'step-end', step });
  }
}
