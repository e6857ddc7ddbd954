import { constants, writeSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { reasonOf } from '../../base/file-failure.ts';
import { UniqueFileNames } from '../../base/file-names.ts';
import { checkReplaceable, checkWritable, writeOutput } from '../../base/output-file.ts';
import { createOwnFile, openOwnFile } from '../../base/own-file.ts';
import { jsonText } from '../../base/printable.ts';
import type { Context } from '../../session/context.ts';
import type { PushedGraph } from '../../workflows/push/push-graph.ts';
import { emitToBoth, jsonLogger } from '../progress/log.ts';
import { displayPath } from '../reports/text.ts';

/** Receipt files of a push: one for each target. */
export class Receipts {
  /** Paths by target. */
  readonly #paths: ReadonlyMap<string, string>;
  readonly #cwd: string;

  /** @param targets formatted as text */
  constructor(file: string, targets: readonly string[], cwd: string) {
    this.#cwd = cwd;
    const path = resolve(cwd, file);
    const [, stem = path, extension = ''] = /^(.*?)(\.[^./]+)?$/.exec(path) ?? [];
    const names = new UniqueFileNames();
    // With several targets, the target is inserted before the extension.
    const pathFor = (target: string): string => `${stem}.${names.take(target.replace(/[^\w.-]/g, '_'))}${extension}`;
    this.#paths = new Map(targets.map((target) => [target, targets.length === 1 ? path : pathFor(target)]));
  }

  /**
   * Checks before the push that all receipts can be written without overwriting other files.
   * @throws AirgapError `output-exists`, `file`, `no-space`, `usage`
   */
  async check(): Promise<void> {
    for (const path of this.#paths.values()) {
      await checkWritable(path, '--receipt');
      await checkReplaceable(path, { isOurs: isReceipt, what: 'receipt' });
    }
  }

  /**
   * Writes a receipt, and returns its path as it is shown.
   * @throws AirgapError `file`, `no-space`; the message says that the push itself succeeded
   */
  async write({ target, receipt }: PushedGraph): Promise<string> {
    const path = this.#paths.get(target) as string;
    try {
      await writeOutput(path, `${jsonText(receipt, 2)}\n`);
      return displayPath(path, this.#cwd);
    } catch (error) {
      if (!(error instanceof AirgapError)) throw error;
      throw new AirgapError(error.code, `${target} has all content, but the receipt ${error.message}`, {
        hint: 'push again with another --receipt: existing content is not uploaded again',
        cause: error,
      });
    }
  }
}

function isReceipt(content: Buffer): boolean {
  try {
    const { apiVersion, kind } = Object(JSON.parse(content.toString())) as Record<string, unknown>;
    return kind === 'Receipt' && String(apiVersion).startsWith('airgap/');
  } catch {
    return false;
  }
}

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
