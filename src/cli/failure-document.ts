import type { Command } from '@commander-js/extra-typings';
import type { AirgapError, ExitCode } from '../base/errors.ts';
import { jsonText } from '../base/printable.ts';
import { formatDocument } from './flags/output.ts';
import { failureCauses } from './reports/failure.ts';

export type DocumentFormat = 'json' | 'yaml';

/** Command and format of a run, read before the command line is parsed: parsing may be what fails. */
export interface RequestedDocument {
  /** Name of the command; empty if it is unknown. */
  readonly command: string;
  /** Undefined unless the result is a document. */
  readonly format: DocumentFormat | undefined;
}

/** Matches `-o`, `-oFORMAT`, `--output` and `--output=FORMAT`. */
const OUTPUT_FLAG = /^(?:-o|--output(?:=|$))(.*)$/s;

/** @param args arguments of the program */
export function requestedDocument(program: Command, args: readonly string[]): RequestedDocument {
  const group = program.commands.find((candidate) => args.includes(candidate.name()));
  const subcommand = group?.commands.find((candidate) => args.includes(candidate.name()));
  const command = subcommand ?? group;
  const end = args.indexOf('--');
  const flags = end < 0 ? args : args.slice(0, end);
  let format: string | undefined;
  for (const [index, arg] of flags.entries()) {
    const value = OUTPUT_FLAG.exec(arg)?.[1];
    if (value !== undefined) format = value === '' && !arg.endsWith('=') ? flags[index + 1] : value;
  }
  const option = command?.options.find((candidate) => candidate.attributeName() === 'output');
  const isKnown = option?.argChoices?.includes(format ?? '') ?? command === undefined;
  // A default format is that of a file for other tools, such as the values of a chart.
  const isDocument = (format === 'json' || format === 'yaml') && format !== option?.defaultValue;
  const name = [group, subcommand].flatMap((each) => each?.name() ?? []).join(' ');
  return { command: name, format: isKnown && isDocument ? (format as DocumentFormat) : undefined };
}

/** Content of a failure document. */
export interface Failure {
  readonly command: string;
  readonly error: AirgapError;
  readonly exitCode: ExitCode;
  /** Documents that the command printed before it failed, in the requested format. */
  readonly printed: readonly string[];
}

/** Serializes a failure: one entry for each cause, with everything that it hit. */
export async function failureDocument(failure: Failure, format: DocumentFormat): Promise<string> {
  const completed = await Promise.all(failure.printed.map((text) => parseDocument(text, format)));
  return formatDocument('Failure', { ...contentOf(failure), ...(completed.length > 0 && { completed }) }, format);
}

/** Like {@link failureDocument} for a process that is about to exit: JSON, which is YAML too, without printed documents. */
export function urgentFailureDocument(failure: Omit<Failure, 'printed'>): string {
  return jsonText({ apiVersion: 'airgap/v1', kind: 'Failure', ...contentOf(failure) }, 2);
}

function contentOf({ command, error, exitCode }: Omit<Failure, 'printed'>): object {
  const errors = failureCauses(error).map(({ code, reason, hint, target, errors }) => ({
    code,
    message: reason,
    hint,
    target,
    subjects: errors.flatMap(({ parts: { subject: name, step, detail, origin } }) =>
      (name ?? step ?? detail ?? origin) === undefined ? [] : [{ name, step, detail, origin }],
    ),
  }));
  return { ...(command !== '' && { command }), exitCode, message: error.message, errors };
}

async function parseDocument(text: string, format: DocumentFormat): Promise<unknown> {
  if (format === 'json') return JSON.parse(text);
  const { parse } = await import('yaml');
  return parse(text);
}
