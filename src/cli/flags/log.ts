import { closeSync, openSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';
import { AirgapError, messageOf } from '../../base/errors.ts';
import { both, logTo } from '../../ui/log.ts';
import type { Context } from '../../workflows/context.ts';

/**
 * Runs with a log file, when one is wanted: each event is on the disk before the next step, so that a run that is killed
 * has told what it did. A file that is there is added to. A disk that fills up in mid-run ends the log, not the run.
 * @throws AirgapError `file` when it cannot be written, and what `run` throws
 */
export async function withLog<R>(
  context: Context,
  file: string | undefined,
  run: (context: Context) => Promise<R>,
): Promise<R> {
  if (file === undefined) return run(context);
  let log: number;
  try {
    log = openSync(resolve(context.cwd, file), 'a');
  } catch (cause) {
    throw new AirgapError('file', `the log cannot be written: ${messageOf(cause)}`, { cause });
  }
  let isBroken = false;
  const tell = logTo(
    (line) => {
      if (isBroken) return;
      try {
        writeSync(log, line);
      } catch (cause) {
        isBroken = true;
        const message = `the log cannot be written any more, and the run goes on without it: ${messageOf(cause)}`;
        context.emit({ type: 'warning', message });
      }
    },
    () => new Date(),
  );
  const emit = both(context.emit, tell);
  try {
    return await run({ ...context, emit });
  } catch (error) {
    if (error instanceof AirgapError) tell({ type: 'failure', code: error.code, message: error.message });
    throw error;
  } finally {
    closeSync(log);
  }
}
