import { printable } from './printable.ts';
import { redact } from './redact.ts';

/** What went wrong, for programs: stable across versions. */
export type ErrorCode =
  | 'usage' // flags or arguments that make no sense together
  | 'config' // a configuration file that does not say what it must
  | 'helm-missing'
  | 'chart-not-found'
  | 'chart-invalid'
  | 'chart-render' // Helm refused; its own message is part of ours
  | 'reference-invalid'
  | 'image-not-found'
  | 'unauthorized'
  | 'forbidden'
  | 'registry' // the registry answered, with something it should not
  | 'network' // the registry did not answer
  | 'digest-mismatch'
  | 'unsupported' // understood, and not done
  | 'bundle-invalid'
  | 'output-exists'
  | 'no-space'
  | 'file' // a file or folder that cannot be read or written
  | 'collision'
  | 'disagreement' // two readings of one document differ
  | 'signature' // a bundle that is not signed as it has to be
  | 'tag-conflict' // a tag is there with other content
  | 'repository-missing' // a repository is not there, and is not to be made
  | 'several' // more than one of the above; see `causes`
  | 'interrupted';

/** Exit codes of the command line: 0 done, 1 failed, 2 wrong usage or configuration, 3 the answer is no, 130 interrupted. */
export type ExitCode = 0 | 1 | 2 | 3 | 130;

const EXIT: Partial<Record<ErrorCode, ExitCode>> = {
  usage: 2,
  config: 2,
  'reference-invalid': 2,
  interrupted: 130,
  signature: 3,
  disagreement: 3,
};

export interface ErrorDetails {
  /** What the reader can do about it, in one sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Several independent failures of one batch, shown grouped. */
  readonly causes?: readonly AirgapError[];
  /** Whether the same may well succeed at another time. */
  readonly isTransient?: boolean;
}

/**
 * The one error class: a code, one sentence that says what happened to what, a hint that says what to do, the cause.
 * Secrets are removed here, when the error is made, so no later printing can leak them, and what a terminal would obey is
 * escaped, since messages quote charts, registries and Helm.
 */
export class AirgapError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly causes: readonly AirgapError[];
  /** Of an answer: a registry that throttles, fails or is full. No answer at all (`network`) needs no telling. */
  readonly isTransient: boolean;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(clean(message), details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'AirgapError';
    this.code = code;
    this.hint = details.hint === undefined ? undefined : clean(details.hint);
    this.causes = details.causes ?? [];
    this.isTransient = details.isTransient ?? false;
  }

  /** The exit code that the command line ends with. A batch that failed for one reason only has that reason's code. */
  get exitCode(): ExitCode {
    if (this.code !== 'several') return EXIT[this.code] ?? 1;
    const codes = new Set(this.causes.map((cause) => cause.exitCode));
    return codes.size === 1 ? ([...codes][0] as ExitCode) : 1;
  }
}

/** One error for many: the single one itself, or a `several` that carries them all. `errors` is not empty. */
export function combine(errors: readonly AirgapError[], message: string): AirgapError {
  const [first] = errors;
  if (first !== undefined && errors.length === 1) return first;
  return new AirgapError('several', message, { causes: errors });
}

const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  'registry',
  'unauthorized',
  'forbidden',
  'image-not-found',
  'unsupported',
]);

/** Whether a registry has answered, and not with a success: as opposed to no answer, and to content that is damaged. */
export function isRefusal(error: unknown): error is AirgapError {
  return error instanceof AirgapError && REFUSALS.has(error.code);
}

/** A refusal of what was sent or asked for, which another run meets again: the registry itself is well. */
export function isLastingRefusal(error: unknown): error is AirgapError {
  return isRefusal(error) && !error.isTransient;
}

/** What a batch collects: errors of ours. Anything else is a defect, and thrown on. */
export function ours(error: unknown): AirgapError {
  if (error instanceof AirgapError) return error;
  throw error;
}

/** Anything thrown, as text without secrets and without control characters. */
export function messageOf(error: unknown): string {
  return clean(error instanceof Error ? error.message : String(error));
}

function clean(text: string): string {
  return printable(redact(text));
}
