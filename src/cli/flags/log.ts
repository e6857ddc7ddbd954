import { constants, writeSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AirgapError, messageOf } from '../../base/errors.ts';
import { createOwn, openOwn } from '../../base/own-file.ts';
import { both, logTo } from '../../ui/log.ts';
import type { Context } from '../../workflows/context.ts';

/**
 * Runs with a log file, when one is wanted: each event is on the disk before the next step, so that a run that is killed
 * has told what it did. A log that is there is added to. A disk that fills up in mid-run ends the log, not the run.
 * @throws AirgapError `file` when it cannot be written, `output-exists` when it is no log, and what `run` throws
 */
export async function withLog<R>(
  context: Context,
  file: string | undefined,
  run: (context: Context) => Promise<R>,
): Promise<R> {
  if (file === undefined) return run(context);
  const log = await openLog(resolve(context.cwd, file)).catch((cause) => {
    if (cause instanceof AirgapError) throw cause;
    throw new AirgapError('file', `the log cannot be written: ${messageOf(cause)}`, { cause });
  });
  let isBroken = false;
  const tell = logTo(
    (line) => {
      if (isBroken) return;
      try {
        writeSync(log.fd, line);
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
    await log.close();
  }
}

/** How a line of a log begins. */
const LINE = Buffer.from('{"time":"');

/** Pipes, terminals and /dev/stderr are written to as they are; a file has to be a log of this user. */
async function openLog(path: string): Promise<FileHandle> {
  const found = await stat(path).catch(() => undefined);
  if (path.startsWith('/dev/') || (found !== undefined && !found.isFile())) return open(path, 'a');
  if (found === undefined) return createOwn(path, 0o644, constants.O_APPEND);
  const there = await openOwn(path, 'r');
  try {
    const { buffer, bytesRead } = await there.read({ buffer: Buffer.alloc(LINE.length) });
    if (bytesRead > 0 && !buffer.equals(LINE)) {
      throw new AirgapError('output-exists', `${path} is there already, and is no log`, {
        hint: 'choose another place for it',
      });
    }
  } finally {
    await there.close();
  }
  return openOwn(path, 'a');
}
