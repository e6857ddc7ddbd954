import { type Command, CommanderError } from '@commander-js/extra-typings';
import { AirgapError } from '../base/errors.ts';
import { fileFailure } from '../base/file-failure.ts';
import { printable } from '../base/printable.ts';
import { redact } from '../base/redact.ts';
import { removeScratch } from '../base/scratch.ts';
import type { Context } from '../session/context.ts';
import { formatFailure } from './reports/failure.ts';
import { createProgress } from './reports/progress.ts';

/**
 * Input and output of a command. The result goes to stdout: a table, a document, generated files, a verdict, or the line
 * that names a written file. Progress, warnings, notes and summaries go to stderr.
 */
export interface CommandIO {
  readonly context: Context;
  /** Writes a result to stdout with a final newline. Control characters are escaped. */
  print(text: string): void;
  /** Writes a result to stdout unchanged. */
  write(text: string): void;
  /** Returns the columns of stdout as its terminal reports them, which may be wrong; undefined if it is not a terminal. */
  columns(): number | undefined;
  /** Reads stdin to its end. @throws AirgapError `usage` if stdin is a terminal */
  readInput(): Promise<Uint8Array>;
  /** Writes a note or summary to stderr. */
  info(text: string): void;
  /** Sets the exit code of a run without errors: 3 if a check failed. */
  setExitCode(code: 0 | 3): void;
}

/** Milliseconds between an interrupt and the forced exit. */
const INTERRUPT_GRACE = 1500;

/**
 * Runs the command line in a process: creates the command I/O, handles interrupts, and converts errors to exit codes.
 * @returns the exit code
 */
export async function runProgram(create: (io: CommandIO) => Command, process: NodeJS.Process): Promise<number> {
  const progress = createProgress(process.stderr, Date.now);
  const abort = new AbortController();
  let code = 0;
  // Serialized documents are already escaped; this affects text for people only.
  const writeText = (stream: NodeJS.WriteStream, text: string): void => {
    progress.clear();
    stream.write(printable(text.endsWith('\n') ? text : `${text}\n`));
  };
  const io: CommandIO = {
    context: {
      env: process.env,
      cwd: process.cwd(),
      emit: progress.emit,
      signal: abort.signal,
      watchInterrupts: () => void import('./interrupts.ts').then(({ watchInterrupts }) => watchInterrupts(process)),
    },
    print: (text) => writeText(process.stdout, text),
    write: (text) => {
      progress.clear();
      process.stdout.write(text);
    },
    columns: () => (process.stdout.isTTY ? (process.stdout.columns ?? Number.NaN) : undefined),
    readInput: () => readAll(process.stdin),
    info: (text) => writeText(process.stderr, text),
    setExitCode: (value) => {
      code = value;
    },
  };
  let isReported = false;
  // A second interrupt exits at once after removing temporary folders. If a step does not end by itself (a child process that
  // ignores the signal, a read from stdin), the run exits after a grace period; files are then as after kill -9.
  const interrupt = (): void => {
    if (abort.signal.aborted) {
      removeScratch();
      process.exit(130);
    }
    const reason = new AirgapError('interrupted', 'interrupted', { hint: 'run the same command again to continue' });
    abort.abort(reason);
    const end = (): void => {
      if (!isReported) io.info(formatFailure(reason));
      removeScratch();
      process.exit(process.exitCode ?? 130);
    };
    setTimeout(end, INTERRUPT_GRACE).unref();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  // A closed pipe (`| head`) is not a failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? code : 1));
  try {
    await create(io).parseAsync(process.argv);
    return code;
  } catch (error) {
    isReported = true;
    return reportFailure(error, io, abort.signal, process.env.HELM_DEBUG === 'true');
  } finally {
    progress.clear();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

async function readAll(stream: NodeJS.ReadStream): Promise<Uint8Array> {
  if (stream.isTTY) {
    throw new AirgapError('usage', 'standard input is a terminal', {
      hint: 'pipe the input in, or let Helm run this command',
    });
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

function reportFailure(error: unknown, io: CommandIO, signal: AbortSignal, debug: boolean): number {
  const { info } = io;
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const interrupted = signal.aborted && !(error instanceof AirgapError && error.exitCode !== 130);
  // An error with a hint tells how to resume; others are replaced by the interrupt.
  const hasHint = error instanceof AirgapError && error.hint !== undefined;
  const shown = interrupted && !hasHint ? (signal.reason as unknown) : error;
  if (shown instanceof AirgapError) {
    info(formatFailure(shown));
    if (debug && shown.stack) info(shown.stack);
    return shown.exitCode;
  }
  const fileError = fileFailure(shown);
  if (fileError !== undefined) return reportFailure(fileError, io, signal, debug);
  const unexpected = shown instanceof Error ? shown : new Error(String(shown));
  const wrapped = new AirgapError('several', `unexpected: ${unexpected.message}`, {
    hint: 'this is a bug in helm airgap; please report it with the output of the same command with --debug',
  });
  info(formatFailure(wrapped));
  if (debug && unexpected.stack) info(redact(unexpected.stack));
  return 1;
}
