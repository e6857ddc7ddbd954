import { type Command, CommanderError } from 'commander';
import { AirgapError } from '../base/errors.ts';
import { fileFailure } from '../base/file-failure.ts';
import { printable } from '../base/printable.ts';
import { redact } from '../base/redact.ts';
import { removeScratch } from '../base/scratch.ts';
import { formatFailure } from '../ui/failure.ts';
import { createProgress } from '../ui/progress.ts';
import type { Context } from '../workflows/context.ts';

/**
 * What a command gets to work with. What was asked for goes to stdout, as a report for people or a document for programs.
 * Progress, warnings and what accompanies a result that is no report (overrides, a document) go to stderr.
 */
export interface Edge {
  readonly context: Context;
  /** A result: stdout, with a newline at its end. What a terminal would obey is escaped. */
  print(text: string): void;
  /** A result byte for byte: stdout, and nothing at its end. */
  pass(text: string): void;
  /** All of stdin. */
  input(): Promise<Uint8Array>;
  /** For people, beside the result: stderr. */
  tell(text: string): void;
  /** An exit code other than 0 for a run that ended as it should: 3, the answer is no. */
  answer(code: 0 | 3): void;
}

/** Milliseconds between an interrupt and the end of the run, whatever it is at. */
const PATIENCE = 1500;

/**
 * Runs the command line in a process: builds the edge, handles interrupts, and turns whatever happens into an exit code.
 * @returns the exit code
 */
export async function runProgram(create: (edge: Edge) => Command, process: NodeJS.Process): Promise<number> {
  const progress = createProgress(process.stderr, Date.now);
  const abort = new AbortController();
  let code = 0;
  // Serializers leave nothing to escape, so only what is written for people is changed here.
  const write = (stream: NodeJS.WriteStream, text: string): void => {
    progress.clear();
    stream.write(printable(text.endsWith('\n') ? text : `${text}\n`));
  };
  const edge: Edge = {
    context: {
      env: process.env,
      cwd: process.cwd(),
      emit: progress.emit,
      signal: abort.signal,
      watchInterrupts: () => void import('./interrupts.ts').then(({ watchInterrupts }) => watchInterrupts(process)),
    },
    print: (text) => write(process.stdout, text),
    pass: (text) => {
      progress.clear();
      process.stdout.write(text);
    },
    input: () => readAll(process.stdin),
    tell: (text) => write(process.stderr, text),
    answer: (value) => {
      code = value;
    },
  };
  let isTold = false;
  // The second interrupt is for whoever cannot wait: only scratch folders are removed then. Where a step does not end by
  // itself (a child that ignores the signal, a reader of stdin), the run ends without it; what it has written is as after
  // kill -9.
  const interrupt = (): void => {
    if (abort.signal.aborted) {
      removeScratch();
      process.exit(130);
    }
    const reason = new AirgapError('interrupted', 'interrupted', { hint: 'run the same command again to continue' });
    abort.abort(reason);
    const end = (): void => {
      if (!isTold) edge.tell(formatFailure(reason));
      removeScratch();
      process.exit(process.exitCode ?? 130);
    };
    setTimeout(end, PATIENCE).unref();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  // A reader that stops listening (`| head`) is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? code : 1));
  try {
    await create(edge).parseAsync(process.argv);
    return code;
  } catch (error) {
    isTold = true;
    return failed(error, edge, abort.signal, process.env.HELM_DEBUG === 'true');
  } finally {
    progress.clear();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

async function readAll(stream: NodeJS.ReadStream): Promise<Uint8Array> {
  if (stream.isTTY) {
    throw new AirgapError('usage', 'there is nothing on standard input', { hint: 'pipe it in, or let Helm call this' });
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

function failed(error: unknown, edge: Edge, signal: AbortSignal, debug: boolean): number {
  const { tell } = edge;
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const interrupted = signal.aborted && !(error instanceof AirgapError && error.exitCode !== 130);
  // Who knows what is there already says how to go on.
  const isTold = error instanceof AirgapError && error.hint !== undefined;
  const shown = interrupted && !isTold ? (signal.reason as unknown) : error;
  if (shown instanceof AirgapError) {
    tell(formatFailure(shown));
    if (debug && shown.stack) tell(shown.stack);
    return shown.exitCode;
  }
  const ofFile = fileFailure(shown);
  if (ofFile !== undefined) return failed(ofFile, edge, signal, debug);
  const unexpected = shown instanceof Error ? shown : new Error(String(shown));
  const wrapped = new AirgapError('several', `unexpected: ${unexpected.message}`, {
    hint: 'this is a fault of helm airgap; please report it with the output of the same command under --debug',
  });
  tell(formatFailure(wrapped));
  if (debug && unexpected.stack) tell(redact(unexpected.stack));
  return 1;
}
