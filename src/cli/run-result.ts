import type { Command } from '@commander-js/extra-typings';
import { AirgapError } from '../base/errors.ts';
import { describeThrown, type ReportedFailure } from './failure.ts';
import {
  failureDocument,
  type RequestedDocument,
  requestedDocument,
  urgentFailureDocument,
} from './failure-document.ts';

/** Streams of a run. */
export interface ResultOutput {
  /** Writes to stdout. */
  readonly print: (text: string) => void;
  /** Writes the text of a failure to stderr. */
  readonly fail: (text: string, code: string) => void;
}

/**
 * Result of a run on stdout and its failure on stderr. With `-o json` or `-o yaml`, stdout gets exactly one document, whatever
 * happens: the one of the command at its end, or the one of the failure.
 */
export class RunResult {
  readonly #output: ResultOutput;
  readonly #isDebug: boolean;
  readonly #documents: string[] = [];
  #requested: RequestedDocument = { command: '', format: undefined };
  #hasEnded = false;
  #isPublished = false;

  /** @param isDebug whether failures show stack traces */
  constructor(output: ResultOutput, isDebug: boolean) {
    this.#output = output;
    this.#isDebug = isDebug;
  }

  /** Reads from the arguments whether the result is a document. */
  expect(program: Command, args: readonly string[]): void {
    this.#requested = requestedDocument(program, args);
  }

  /** Writes text at once, and a document at the end of the run. */
  print(text: string): void {
    if (this.#requested.format === undefined) this.#output.print(text);
    else this.#documents.push(text);
  }

  /**
   * Writes a document at once, in a run that goes on. It stays the only one: a later failure is told on standard error and
   * by the exit code.
   */
  publish(document: string): void {
    this.#isPublished = true;
    this.#output.print(document);
  }

  /** Ends a run without an error. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    for (const text of this.#documents) this.#output.print(text);
  }

  /**
   * Reports a failure.
   * @param code exit code that the command has set before: a check that cannot be done has failed
   * @param interrupt reason of the interrupt, if there was one
   * @returns the exit code
   */
  async fail(thrown: unknown, code: 0 | 3, interrupt?: unknown): Promise<number> {
    const failure = describeThrown(thrown, this.#requested.command, interrupt);
    if (failure === undefined) {
      this.end();
      return 0;
    }
    const { command, format } = this.#requested;
    const { error } = failure;
    const exitCode = error.exitCode === 1 && code === 3 ? code : error.exitCode;
    if (this.#hasEnded) return exitCode;
    this.#hasEnded = true;
    this.#inform(failure);
    if (format !== undefined && !this.#isPublished) {
      const printed = this.#documents;
      this.#output.print(await failureDocument({ command, error, exitCode, printed }, format));
    }
    return exitCode;
  }

  /** Reports an interrupt of a process that exits at once. Does nothing after the end of the run. */
  interrupt(reason: unknown): void {
    if (!this.#hasEnded) this.crash(reason);
  }

  /** Reports a failure of a process that exits at once, also after the end of the run. */
  crash(thrown: unknown): void {
    const failure = describeThrown(thrown, this.#requested.command);
    if (failure === undefined) return;
    this.#inform(failure);
    const document = this.#hasEnded ? undefined : this.urgentDocument(failure.error);
    this.#hasEnded = true;
    if (document !== undefined) this.#output.print(document);
  }

  /** Returns the document of a failure that cannot wait; undefined if none is expected. */
  urgentDocument(error: AirgapError): string | undefined {
    const { command, format } = this.#requested;
    if (this.#isPublished) return undefined;
    return format && urgentFailureDocument({ command, error, exitCode: error.exitCode });
  }

  #inform({ error, text, stack }: ReportedFailure): void {
    if (text !== undefined) this.#output.fail(text, error.code);
    if (this.#isDebug && stack !== undefined) this.#output.fail(stack, error.code);
  }
}

/** Returns the reason of an interrupted run. */
export function interruptError(): AirgapError {
  return new AirgapError('interrupted', 'interrupted', { hint: 'run the same command again to continue' });
}
