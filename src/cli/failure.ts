import { CommanderError } from '@commander-js/extra-typings';
import { AirgapError } from '../base/errors.ts';
import { fileFailure } from '../base/file-failure.ts';
import { redact } from '../base/redact.ts';
import { formatFailure } from './reports/failure.ts';

/** What a thrown value means for the user. */
export interface ReportedFailure {
  readonly error: AirgapError;
  /** Text for people; undefined if Commander has written its own. */
  readonly text: string | undefined;
  /** Stack trace for --debug. */
  readonly stack: string | undefined;
}

/**
 * Describes a thrown value; undefined if it only ends the run, as --help does.
 * @param command for the hint of a usage error; may be empty
 * @param interrupt reason of the interrupt, if there was one
 */
export function describeThrown(thrown: unknown, command: string, interrupt?: unknown): ReportedFailure | undefined {
  if (thrown instanceof CommanderError) return describeUsage(thrown, command);
  // An error with a hint tells how to resume; others are replaced by the interrupt.
  const isOwn = thrown instanceof AirgapError && (thrown.exitCode !== 130 || thrown.hint !== undefined);
  return describe(interrupt === undefined || isOwn ? thrown : interrupt);
}

function describe(thrown: unknown): ReportedFailure {
  const error = fileFailure(thrown) ?? unexpected(thrown);
  const { stack } = thrown instanceof Error ? thrown : error;
  return { error, text: formatFailure(error), stack: stack && redact(stack) };
}

function unexpected(thrown: unknown): AirgapError {
  return new AirgapError('unexpected', `unexpected: ${thrown instanceof Error ? thrown.message : String(thrown)}`, {
    hint: 'this is a bug in helm airgap; please report it with the output of the same command with --debug',
    cause: thrown,
  });
}

function describeUsage({ exitCode, message }: CommanderError, command: string): ReportedFailure | undefined {
  if (exitCode === 0) return undefined;
  const hint = `see helm airgap ${command === '' ? '' : `${command} `}--help`;
  const error = new AirgapError('usage', message.replace(/^error: /, ''), { hint });
  return { error, text: undefined, stack: undefined };
}
