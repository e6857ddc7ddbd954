import type { Command } from '@commander-js/extra-typings';
import { AirgapError } from '../base/errors.ts';
import { printable } from '../base/printable.ts';
import { removeScratch } from '../base/scratch.ts';
import type { Context } from '../session/context.ts';
import { createProgress } from './reports/progress.ts';
import { interruptError, RunResult } from './run-result.ts';

/**
 * Input and output of a command. The result goes to stdout: a table, a document, generated files, a verdict, or the line
 * that names a written file. Progress, warnings, notes and summaries go to stderr.
 */
export interface CommandIO {
  readonly context: Context;
  /**
   * Writes a result to stdout with a final newline. Control characters are escaped. With `-o json` or `-o yaml`, it is
   * written at the end of the run; if the run fails, it becomes a part of the failure document.
   */
  print(text: string): void;
  /** Writes a result to stdout unchanged. */
  write(text: string): void;
  /** Reads stdin to its end. @throws AirgapError `usage` if stdin is a terminal */
  readInput(): Promise<Uint8Array>;
  /** Writes a note or summary to stderr. */
  info(text: string): void;
  /** Sets the exit code of a run: 3 if a check failed. It replaces 1 if an error ends the run. */
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
  let code: 0 | 3 = 0;
  let failureCode = 0;
  // Serialized documents are already escaped; this affects text for people only.
  const writeText = (stream: NodeJS.WriteStream, text: string): void => {
    progress.clear();
    stream.write(printable(text.endsWith('\n') ? text : `${text}\n`));
  };
  const output = {
    print: (text: string) => writeText(process.stdout, text),
    info: (text: string) => writeText(process.stderr, text),
  };
  const result = new RunResult(output, process.env.HELM_DEBUG === 'true');
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
    write: (text) => {
      progress.clear();
      process.stdout.write(text);
    },
    readInput: () => readAll(process.stdin),
    info: output.info,
    setExitCode: (value) => {
      code = value;
    },
  };
  // A second interrupt exits at once after removing temporary folders. If a step does not end by itself (a child process that
  // ignores the signal, a read from stdin), the run exits after a grace period; files are then as after kill -9.
  const interrupt = (): void => {
    if (abort.signal.aborted) {
      result.interrupt(abort.signal.reason);
      removeScratch();
      process.exit(130);
    }
    const reason = interruptError();
    abort.abort(reason);
    const end = (): void => {
      result.interrupt(reason);
      removeScratch();
      process.exit(process.exitCode ?? 130);
    };
    setTimeout(end, INTERRUPT_GRACE).unref();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  // A rejected promise that nothing awaits is a bug, and is reported like every other error.
  const crash = (thrown: unknown): void => {
    result.crash(thrown);
    removeScratch();
    process.exit(1);
  };
  process.on('uncaughtException', crash).on('unhandledRejection', crash);
  // A closed pipe (`| head`) is not a failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) =>
    process.exit(error.code === 'EPIPE' ? failureCode || code : 1),
  );
  try {
    const program = create(io);
    result.expect(program, process.argv.slice(2));
    await program.parseAsync(process.argv);
    result.end();
    return code;
  } catch (error) {
    failureCode = await result.fail(error, code, abort.signal.reason);
    return failureCode;
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
