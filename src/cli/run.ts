import { fstatSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { Command } from '@commander-js/extra-typings';
import { AirgapError } from '../base/errors.ts';
import { reasonOf } from '../base/file-failure.ts';
import { printable } from '../base/printable.ts';
import { removeScratch } from '../base/scratch.ts';
import type { Context } from '../session/context.ts';
import { type Descriptor, Output } from './output.ts';
import { Progress, type ProgressOptions } from './progress/progress.ts';
import { formatFailure } from './reports/failure.ts';
import { interruptError, RunResult } from './run-result.ts';

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
  /**
   * Asks a question on the terminal and returns the line that is typed; undefined if stdin or stderr is not a terminal.
   * @param isHidden true for a password, which is not shown
   * @throws AirgapError `interrupted`
   */
  ask(question: string, isHidden?: boolean): Promise<string | undefined>;
  /**
   * Writes a note or summary to stderr.
   * @param isNeeded true if it explains a failed check: then `--quiet` does not hide it
   */
  info(text: string, isNeeded?: boolean): void;
  /** Writes the text of a failure to stderr. */
  fail(text: string, code: string): void;
  /** Sets the exit code of a run: 3 if a check failed. It replaces 1 if an error ends the run. */
  setExitCode(code: 0 | 3): void;
  /** Writes the document of a run that goes on, such as that of a server. It is the only one of the run. */
  publish(document: string): void;
  /**
   * Makes an interrupt the usual end of the command, which is told by the signal of the context only and has this time to
   * end, in milliseconds. A second interrupt ends it at once.
   */
  endOnInterrupt(time: number): void;
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
  create: (io: CommandIO, words: readonly string[]) => Command | Promise<Command>,
  process: NodeJS.Process,
  { output, terminal }: StandardStreams = standardStreams(process),
): Promise<number> {
  const progress = new Progress(
    { write: (text) => output.write(2, text), isIdle: () => output.isIdle, terminal: terminal(2) },
    Date.now,
  );
  const abort = new AbortController();
  let code: 0 | 3 = 0;
  let drainTime: number | undefined;
  // Serialized documents are already escaped; this affects text for people only.
  const safeText = (text: string): string => printable(text.endsWith('\n') ? text : `${text}\n`);
  const write = (text: string): void => {
    progress.makeRoom();
    output.write(1, text);
  };
  const fail = (text: string, errorCode: string): void => progress.failure(safeText(text), errorCode);
  const result = new RunResult({ print: (text) => write(safeText(text)), fail }, process.env.HELM_DEBUG === 'true');
  const io: CommandIO = {
    context: {
      env: process.env,
      cwd: process.cwd(),
      emit: progress.emit,
      signal: abort.signal,
      watchInterrupts: () =>
        void import('./interrupts.ts').then(({ watchInterrupts }) =>
          watchInterrupts(process, result.urgentDocument(interruptError())),
        ),
    },
    print: (text) => result.print(text),
    write,
    columns: () => {
      const stdout = terminal(1);
      return stdout && (stdout.columns ?? Number.NaN);
    },
    readInput: () => readAll(process.stdin),
    ask: async (question, isHidden = false) => {
      const stderr = terminal(2);
      if (!process.stdin.isTTY || stderr === undefined) return undefined;
      const { ask } = await import('./prompt.ts');
      return ask({ input: process.stdin, output: stderr }, question, isHidden);
    },
    info: (text, isNeeded) => progress.note(safeText(text), isNeeded),
    fail,
    setExitCode: (value) => {
      code = value;
    },
    publish: (document) => result.publish(document),
    endOnInterrupt: (time) => {
      drainTime = time;
    },
    showProgress: (options) => progress.configure(options, process.env),
  };
  let forcedCode: number | undefined;
  const endNow = async (report: () => void, exitCode: number): Promise<void> => {
    forcedCode ??= exitCode;
    progress.finish();
    report();
    removeScratch();
    await Promise.race([output.flush(), new Promise((resolve) => setTimeout(resolve, FLUSH_GRACE))]);
    exit(process, output, exitCode);
  };
  // A second interrupt exits at once after removing temporary folders. If a step does not end by itself (a child process that
  // ignores the signal, a read from stdin), the run exits after a grace period; files are then as after kill -9.
  const interrupt = (): void => {
    if (abort.signal.aborted) {
      void endNow(() => result.interrupt(abort.signal.reason), 130);
      return;
    }
    const reason = interruptError();
    abort.abort(reason);
    const end =
      drainTime === undefined
        ? (): void => void endNow(() => result.interrupt(reason), Number(process.exitCode ?? 130))
        : (): void => void endNow(() => {}, code);
    setTimeout(end, drainTime === undefined ? INTERRUPT_GRACE : drainTime + INTERRUPT_GRACE).unref();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  // A rejected promise that nothing awaits is a bug, and is reported like every other error.
  const crash = (thrown: unknown): void => void endNow(() => result.crash(thrown), 1);
  process.on('uncaughtException', crash).on('unhandledRejection', crash);
  let exitCode: number;
  try {
    const words = process.argv.slice(2);
    const program = await create(io, words);
    result.expect(program, words);
    await program.parseAsync(process.argv);
    result.end();
    exitCode = code;
  } catch (error) {
    progress.finish();
    exitCode = await result.fail(error, code, abort.signal.reason);
  }
  progress.finish();
  await output.flush();
  const failure = output.failure(1);
  if (failure !== undefined) {
    fail(formatFailure(unwritable(failure)), 'file');
    await output.flush();
  }
  process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  return forcedCode ?? (failure !== undefined && exitCode === 0 ? 1 : exitCode);
}

/** Returns the error for a result that standard output did not take. */
function unwritable(failure: NodeJS.ErrnoException): AirgapError {
  return new AirgapError('file', `the result could not be written to standard output: ${reasonOf(failure)}`, {
    hint: 'free some space, or send the output elsewhere, and run the same command again',
    cause: failure,
  });
}

function standardStreams(process: NodeJS.Process): StandardStreams {
  const stream = (descriptor: Descriptor): NodeJS.WriteStream => (descriptor === 1 ? process.stdout : process.stderr);
  return { output: new Output(), terminal: (descriptor) => (isTerminal(descriptor) ? stream(descriptor) : undefined) };
}

/** Asks node:tty only about devices: loading it, with the network modules that it needs, takes 4 ms. */
function isTerminal(descriptor: Descriptor): boolean {
  try {
    return fstatSync(descriptor).isCharacterDevice() && isatty(descriptor);
  } catch {
    // Closed.
    return false;
  }
}

/**
 * Ends the process. A write to a reader that stalls would delay `process.exit`, so a signal ends it then. A file that cannot be
 * opened, such as a pipe without a writer, also delays it: the next signal then ends the process.
 */
function exit(process: NodeJS.Process, output: Output, code: number): void {
  for (const signal of ['SIGINT', 'SIGTERM']) process.removeAllListeners(signal);
  if (output.isIdle) process.exit(code);
  else process.kill(process.pid, 'SIGINT');
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
