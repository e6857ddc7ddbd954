import { printable } from './printable.ts';
import { redact } from './redact.ts';

/** Machine-readable kind of an error, stable across versions. */
export type ErrorCode =
  | 'usage' // invalid flags or arguments, or an invalid combination
  | 'config' // an invalid configuration file
  | 'helm-missing'
  | 'chart-not-found'
  | 'chart-invalid'
  | 'chart-render' // helm template failed; the message includes Helm's
  | 'reference-invalid'
  | 'image-not-found'
  | 'unauthorized'
  | 'forbidden'
  | 'registry' // the registry answered with an unexpected status or body
  | 'network' // the registry did not answer
  | 'cluster' // kubectl is missing, or the cluster refused or did not answer
  | 'digest-mismatch'
  | 'unsupported' // recognized but not supported
  | 'bundle-invalid'
  | 'output-exists'
  | 'no-space'
  | 'file' // a file or folder that cannot be read or written
  | 'listen' // an address on which serve cannot listen
  | 'collision'
  | 'disagreement' // two interpretations of one document differ
  | 'signature' // a required signature is missing or invalid
  | 'tag-conflict' // the tag exists with other content
  | 'repository-missing' // the repository does not exist and must not be created
  | 'several' // several errors; see `causes`
  | 'unexpected' // a bug
  | 'interrupted';

/** Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 check failed, 130 interrupted. */
export type ExitCode = 0 | 1 | 2 | 3 | 130;

const EXIT_CODES: Partial<Record<ErrorCode, ExitCode>> = {
  usage: 2,
  config: 2,
  'reference-invalid': 2,
  interrupted: 130,
  signature: 3,
  disagreement: 3,
};

/**
 * Parts of a message beside the cause: `TARGET: SUBJECT: STEP: CAUSE (DETAIL), ORIGIN`. Errors of a batch that differ in
 * these parts only are printed as one cause with its subjects.
 */
export interface MessageParts {
  /** Target of a push to several targets. */
  readonly target?: string | undefined;
  /** What failed: an image, a chart, an entry. */
  readonly subject?: string | undefined;
  /** Where it failed, such as `blob DIGEST to REPOSITORY`. A subject that this contains is not repeated in the message. */
  readonly step?: string | undefined;
  /** What differs from subject to subject: digests, the words of a registry. */
  readonly detail?: string | undefined;
  /** Who needs the subject: `wanted by chart app (FILE, PATH)`. */
  readonly origin?: string | undefined;
}

export interface ErrorDetails extends MessageParts {
  /** One sentence: what the user can do about it. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
  /** Independent failures of one batch, printed in groups. */
  readonly causes?: readonly AirgapError[];
  /** True if a retry may succeed later: the registry throttles, fails or is full. */
  readonly isTransient?: boolean;
}

/**
 * The only error class: a code, a message that says what happened to what, a hint that says what to do, the cause.
 * The message is built from the cause (`reason`) and its other parts, which reports group by.
 * The constructor removes secrets, so that printing cannot leak them, and escapes control characters, because messages
 * quote charts, registries and Helm.
 */
export class AirgapError extends Error {
  readonly code: ErrorCode;
  /** Cause alone: the message without its other parts. */
  readonly reason: string;
  readonly parts: MessageParts;
  readonly hint: string | undefined;
  readonly causes: readonly AirgapError[];
  /** Set for responses only (throttling, server errors); an error of code `network` is transient by itself. */
  readonly isTransient: boolean;

  constructor(code: ErrorCode, reason: string, details: ErrorDetails = {}) {
    super(sanitize(formatMessage(reason, details)), details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'AirgapError';
    this.code = code;
    this.reason = sanitize(reason);
    this.parts = sanitizeParts(details);
    this.hint = details.hint === undefined ? undefined : sanitize(details.hint);
    this.causes = details.causes ?? [];
    this.isTransient = details.isTransient ?? false;
  }

  /** Returns a copy with another subject, whose step is what the message names so far, or with other details. */
  with({ reason = this.reason, ...changes }: ErrorDetails & { readonly reason?: string }): AirgapError {
    const { code, hint, causes, parts } = this;
    const step = changes.subject === undefined ? parts.step : placeOf(parts);
    return new AirgapError(code, reason, { hint, causes, ...parts, step, ...changes, cause: this });
  }

  /** Exit code of the process. A batch whose causes agree on an exit code has that one, else 1. */
  get exitCode(): ExitCode {
    if (this.code !== 'several') return EXIT_CODES[this.code] ?? 1;
    const codes = new Set(this.causes.map((cause) => cause.exitCode));
    return codes.size === 1 ? ([...codes][0] as ExitCode) : 1;
  }
}

/** Returns a single error unchanged, or wraps several in one of code `several`. `errors` must not be empty. */
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
  'tag-conflict',
]);

/** Returns true if a registry answered with an error, as opposed to not answering or sending damaged content. */
export function isRefusal(error: unknown): error is AirgapError {
  return error instanceof AirgapError && REFUSALS.has(error.code);
}

/** Returns true for a refusal that a retry does not change: the fault is in the request, not in the registry's state. */
export function isPermanentRefusal(error: unknown): error is AirgapError {
  return isRefusal(error) && !error.isTransient;
}

/** Returns an AirgapError for a batch to collect; rethrows anything else, which is a bug. */
export function asAirgapError(error: unknown): AirgapError {
  if (error instanceof AirgapError) return error;
  throw error;
}

/** Returns the message of a thrown value, without secrets and control characters. */
export function messageOf(error: unknown): string {
  return sanitize(error instanceof Error ? error.message : String(error));
}

/** Returns the subject and the step of a message; undefined if it has neither. */
export function placeOf({ subject, step }: MessageParts): string | undefined {
  if (subject === undefined || step === undefined) return subject ?? step;
  return step.includes(subject) ? step : `${subject}: ${step}`;
}

function formatMessage(reason: string, parts: MessageParts): string {
  const { target, detail, origin } = parts;
  const place = placeOf(parts);
  return [
    target === undefined ? '' : `${target}: `,
    place === undefined ? '' : `${place}: `,
    reason,
    detail === undefined ? '' : ` (${detail})`,
    origin === undefined ? '' : `, ${origin}`,
  ].join('');
}

function sanitizeParts({ target, subject, step, detail, origin }: MessageParts): MessageParts {
  const parts = Object.entries({ target, subject, step, detail, origin });
  return Object.fromEntries(parts.flatMap(([name, text]) => (text === undefined ? [] : [[name, sanitize(text)]])));
}

function sanitize(text: string): string {
  return printable(redact(text));
}
