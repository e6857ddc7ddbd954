import { constants, writeSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { reasonOf } from '../../base/file-failure.ts';
import { createOwnFile, openOwnFile } from '../../base/own-file.ts';
import type { Context } from '../../session/context.ts';
import { emitToBoth, jsonLogger } from '../progress/log.ts';

/**
 * Runs with a log file, if one is given. Each event is written before the next step, so that the log of a killed run is
 * complete. An existing log is appended to. If the disk fills up, the log ends and the run continues.
 * @throws AirgapError `file` if the log cannot be written, `output-exists` if the file is not a log, and errors of `run`
 */
export async function withLog<R>(
  context: Context,
  file: string | undefined,
  run: (context: Context) => Promise<R>,
): Promise<R> {
  if (file === undefined) return run(context);
  const log = await openLog(resolve(context.cwd, file)).catch((cause) => {
    if (cause instanceof AirgapError) throw cause;
    throw new AirgapError('file', `the log ${file} cannot be written: ${reasonOf(cause)}`, { cause });
  });
  let isBroken = false;
  const writeEvent = jsonLogger(
    (line) => {
      if (isBroken) return;
      try {
        writeSync(log.fd, line);
      } catch (cause) {
        isBroken = true;
        const message = `the log ${file} cannot be written any longer, continuing without it: ${reasonOf(cause)}`;
        context.emit({ type: 'warning', message });
      }
    },
    () => new Date(),
  );
  const emit = emitToBoth(context.emit, writeEvent);
  try {
    return await run({ ...context, emit });
  } catch (error) {
    if (error instanceof AirgapError) writeEvent({ type: 'failure', code: error.code, message: error.message });
    throw error;
  } finally {
    await log.close();
  }
}

/** First bytes of each line of a log. */
const LINE_PREFIX = Buffer.from('{"time":"');

/** Opens a pipe, terminal or device as it is; a regular file must be a log of this user. */
async function openLog(path: string): Promise<FileHandle> {
  const found = await stat(path).catch(() => undefined);
  if (path.startsWith('/dev/') || (found !== undefined && !found.isFile())) return open(path, 'a');
  if (found === undefined) return createOwnFile(path, 0o644, constants.O_APPEND);
  const existing = await openOwnFile(path, 'r');
  try {
    const { buffer, bytesRead } = await existing.read({ buffer: Buffer.alloc(LINE_PREFIX.length) });
    if (bytesRead > 0 && !buffer.equals(LINE_PREFIX)) {
      throw new AirgapError('output-exists', `${path} already exists and is not a log`, {
        hint: 'choose another path with --log-file',
      });
    }
  } finally {
    await existing.close();
  }
  return openOwnFile(path, 'a');
}
