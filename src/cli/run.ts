import { isatty } from 'node:tty';
import { type Command, CommanderError } from '@commander-js/extra-typings';
import { AirgapError } from '../base/errors.ts';
import { fileFailure, reasonOf } from '../base/file-failure.ts';
import { printable } from '../base/printable.ts';
import { redact } from '../base/redact.ts';
import { removeScratch } from '../base/scratch.ts';
import type { Context } from '../session/context.ts';
import { type Descriptor, Output } from './output.ts';
import { Progress, type ProgressOptions } from './progress/progress.ts';
import { formatFailure } from './reports/failure.ts';

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
  /** Reads stdin to its end. @throws AirgapError `usage` if stdin is a terminal */
  readInput(): Promise<Uint8Array>;
  /** Writes a note or summary to stderr, unless `--quiet` is given. */
  info(text: string): void;
  /** Writes the text of a failure to stderr. */
  fail(text: string, code: string): void;
  /** Sets the exit code of a run without errors: 3 if a check failed. */
  setExitCode(code: 0 | 3): void;
  /** Chooses how progress is shown. */
  showProgress(options: ProgressOptions): void;
}

/** Standard output and standard error. */
export interface StandardStreams {
  readonly output: Output;
  /** Returns the stream of a terminal; undefined for files and pipes. */
  terminal(descriptor: Descriptor): NodeJS.WriteStream | undefined;
}

/** Milliseconds between an interrupt and the forced exit. */
const INTERRUPT_GRACE = 1500;
/** Milliseconds that a forced exit waits for a reader that stalls. */
const FLUSH_GRACE = 200;

/**
 * Runs the command line in a process: creates the command I/O, handles interrupts, and converts errors to exit codes.
 * @returns the exit code, when everything is written
 */
export async function runProgram(
  create: (io: CommandIO) => Command,
  process: NodeJS.Process,
  { output, terminal }: StandardStreams = standardStreams(process),
): Promise<number> {
  const progress = new Progress(
    { write: (text) => output.write(2, text), isIdle: () => output.isIdle, terminal: terminal(2) },
    Date.now,
  );
  const abort = new AbortController();
  let code = 0;
  // Serialized documents are already escaped; this affects text for people only.
  const safeText = (text: string): string => printable(text.endsWith('\n') ? text : `${text}\n`);
  const write = (text: string): void => {
    progress.makeRoom();
    output.write(1, text);
  };
  const io: CommandIO = {
    context: {
      env: process.env,
      cwd: process.cwd(),
      emit: progress.emit,
      signal: abort.signal,
      watchInterrupts: () => void import('./interrupts.ts').then(({ watchInterrupts }) => watchInterrupts(process)),
    },
    print: (text) => write(safeText(text)),
    write,
    readInput: () => readAll(process.stdin),
    info: (text) => progress.note(safeText(text)),
    fail: (text, code) => progress.failure(safeText(text), code),
    setExitCode: (value) => {
      code = value;
    },
    showProgress: (options) => progress.configure(options, process.env),
  };
  let isReported = false;
  // A second interrupt exits at once after removing temporary folders. If a step does not end by itself (a child process that
  // ignores the signal, a read from stdin), the run exits after a grace period; files are then as after kill -9.
  const interrupt = (): void => {
    if (abort.signal.aborted) {
      removeScratch();
      exit(process, output, 130);
      return;
    }
    const reason = new AirgapError('interrupted', 'interrupted', { hint: 'run the same command again to continue' });
    abort.abort(reason);
    const end = async (): Promise<void> => {
      progress.finish();
      if (!isReported) io.fail(formatFailure(reason), reason.code);
      removeScratch();
      await Promise.race([output.flush(), new Promise((resolve) => setTimeout(resolve, FLUSH_GRACE))]);
      exit(process, output, Number(process.exitCode ?? 130));
    };
    setTimeout(() => void end(), INTERRUPT_GRACE).unref();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  try {
    await create(io).parseAsync(process.argv);
    progress.finish();
  } catch (error) {
    isReported = true;
    progress.finish();
    code = reportFailure(error, io, abort.signal, process.env.HELM_DEBUG === 'true');
  }
  await output.flush();
  const failure = output.failure(1);
  if (failure !== undefined) {
    const message = `the result could not be written to standard output: ${reasonOf(failure)}`;
    code = reportFailure(
      new AirgapError('file', message, { hint: 'free some space, or send the output elsewhere' }),
      io,
      abort.signal,
      false,
    );
    await output.flush();
  }
  process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  return code;
}

function standardStreams(process: NodeJS.Process): StandardStreams {
  const stream = (descriptor: Descriptor): NodeJS.WriteStream => (descriptor === 1 ? process.stdout : process.stderr);
  return { output: new Output(), terminal: (descriptor) => (isatty(descriptor) ? stream(descriptor) : undefined) };
}

/** Ends the process. A write to a reader that stalls would delay `process.exit`, so a signal ends it then. */
function exit(process: NodeJS.Process, output: Output, code: number): void {
  if (output.isIdle) process.exit(code);
  process.removeAllListeners('SIGINT');
  process.kill(process.pid, 'SIGINT');
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
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const interrupted = signal.aborted && !(error instanceof AirgapError && error.exitCode !== 130);
  // An error with a hint tells how to resume; others are replaced by the interrupt.
  const hasHint = error instanceof AirgapError && error.hint !== undefined;
  const shown = interrupted && !hasHint ? (signal.reason as unknown) : error;
  if (shown instanceof AirgapError) {
    io.fail(formatFailure(shown), shown.code);
    if (debug && shown.stack) io.info(shown.stack);
    return shown.exitCode;
  }
  const fileError = fileFailure(shown);
  if (fileError !== undefined) return reportFailure(fileError, io, signal, debug);
  const unexpected = shown instanceof Error ? shown : new Error(String(shown));
  const wrapped = new AirgapError('several', `unexpected: ${unexpected.message}`, {
    hint: 'this is a bug in helm airgap; please report it with the output of the same command with --debug',
  });
  io.fail(formatFailure(wrapped), wrapped.code);
  if (debug && unexpected.stack) io.info(redact(unexpected.stack));
  return 1;
}
