import { type AirgapError, type ErrorCode, type MessageParts, placeOf } from '../../base/errors.ts';

/** Hints for errors without one of their own. */
const DEFAULT_HINTS: Partial<Record<ErrorCode, string>> = {
  file: 'check the path and its permissions',
  network: 'check the address and the network path (HTTPS_PROXY, NO_PROXY, firewalls), then run the same command again',
  registry: 'run the same command again; if the error persists, check the registry',
  unauthorized: 'log in first (helm airgap login HOST, skopeo login HOST or docker login HOST)',
  forbidden: 'request the permission, or use other credentials',
  'image-not-found': 'check the name and tag; read it from a mirror with --mirror, or leave it out with --exclude',
  'digest-mismatch':
    'run the same command again; if the error persists, a mirror or proxy in between changes the content',
  'bundle-invalid': 'transfer the file again, and compare its size and checksum with the original',
};

/** Maximum number of subjects of a cause, and of causes, in a text. */
const MAX_SHOWN = 20;

/** Errors that concern a registry, not one image in it: who needs the images is of no interest. */
const CONCERNS_HOST: ReadonlySet<ErrorCode> = new Set(['network', 'registry', 'unauthorized']);

/** One cause and everything that it hit. */
export interface FailureCause {
  readonly code: ErrorCode;
  /** Cause without subjects. */
  readonly reason: string;
  readonly hint: string | undefined;
  /** Target of a push to several targets. */
  readonly target: string | undefined;
  /** One error for each subject, step and detail. Without a subject, the cause alone is the message. */
  readonly errors: readonly AirgapError[];
}

/** Groups the errors of a batch by target and cause: causes with most errors first, equal ones in the order of the errors. */
export function failureCauses(error: AirgapError): FailureCause[] {
  const leaves = leafErrors(error);
  const groups = Map.groupBy(leaves, ({ target, error }) =>
    JSON.stringify([target, error.code, error.reason, generalHint(error)]),
  );
  return [...groups.values()]
    .toSorted((a, b) => b.length - a.length)
    .map((group) => {
      const [{ target, error }] = group as [Leaf];
      const distinct = [...new Map(group.map((leaf) => [leaf.error.message, leaf.error])).values()];
      const hint = distinct.length === 1 ? hintOf(error) : generalHint(error);
      return { code: error.code, reason: error.reason, hint, target, errors: distinct };
    });
}

/** Errors that say everything in their message and hint. Of the others, docs/troubleshooting.md has more. */
const UNCODED: ReadonlySet<ErrorCode> = new Set(['usage', 'unexpected', 'interrupted']);

/**
 * Formats an error with its hint and its code. A cause that several errors of a batch share is printed once, followed by its
 * subjects.
 */
export function formatFailure(error: AirgapError): string {
  if (error.causes.length === 0) {
    const hint = hintOf(error);
    return [`Error: ${error.message}`, ...(hint ? [`Hint: ${hint}`] : []), ...codeLines([error.code])].join('\n');
  }
  const causes = failureCauses(error);
  const shown = limitFor(causes.length);
  const targets = Map.groupBy(causes.slice(0, shown), ({ target }) => target);
  const lines = [`Error: ${error.message}:`];
  for (const [target, ofTarget] of targets) {
    const hints = Map.groupBy(ofTarget, (cause) => cause.hint);
    const section = [...hints].flatMap(([hint, group]) => [
      ...group.flatMap(causeLines),
      ...(hint ? [`    Hint: ${hint}`] : []),
    ]);
    if (target === undefined || targets.size === 1) lines.push(...section);
    else lines.push(`  ${target}:`, ...section.map((line) => `  ${line}`));
  }
  if (causes.length > shown) lines.push(`  ... and ${amount(causes.length - shown)} more causes; ${WHOLE_LIST}`);
  return [...lines, ...codeLines(causes.map(({ code }) => code))].join('\n');
}

/** Returns the line with the codes, by which docs/troubleshooting.md is ordered. */
function codeLines(codes: readonly ErrorCode[]): string[] {
  const shown = [...new Set(codes)].filter((code) => !UNCODED.has(code));
  return shown.length === 0 ? [] : [`${shown.length === 1 ? 'Code' : 'Codes'}: ${shown.join(', ')}`];
}

const WHOLE_LIST = 'the whole list: -o json';

function causeLines({ code, errors, reason }: FailureCause): string[] {
  const [first, ...others] = errors as [AirgapError, ...AirgapError[]];
  if (others.length === 0) return [`  - ${first.message.replaceAll('\n', '\n    ')}`];
  const hasOneDetail = others.every(({ parts }) => parts.detail === first.parts.detail);
  const detail = hasOneDetail && first.parts.detail !== undefined ? ` (${first.parts.detail})` : '';
  const subjects = new Set(errors.map(({ parts }) => subjectText(code, parts, !hasOneDetail)));
  const lines = [...subjects]
    .slice(0, limitFor(subjects.size))
    .map((subject) => `      ${subject.replaceAll('\n', ' ')}`);
  const rest = subjects.size - lines.length;
  if (rest > 0) lines.push(`      ... and ${amount(rest)} more; ${WHOLE_LIST}`);
  return [`  - ${`${reason}${detail}`.replaceAll('\n', '\n    ')}:`, ...lines];
}

/** Returns how many of a list are shown. One more takes no more room than the line that counts it. */
function limitFor(length: number): number {
  return length === MAX_SHOWN + 1 ? length : MAX_SHOWN;
}

function subjectText(code: ErrorCode, parts: MessageParts, withDetail: boolean): string {
  const { subject = placeOf(parts) ?? 'unnamed', detail, origin } = parts;
  const origins = origin === undefined || CONCERNS_HOST.has(code) ? '' : `, ${origin}`;
  return `${subject}${withDetail && detail !== undefined ? `: ${detail}` : ''}${origins}`;
}

function amount(value: number): string {
  return value.toLocaleString('en-US');
}

function hintOf({ hint, code }: AirgapError): string | undefined {
  return hint ?? DEFAULT_HINTS[code];
}

/** Returns the hint for all images of a cause, if the own one names its image. */
function generalHint(error: AirgapError): string | undefined {
  const { subject } = error.parts;
  const hint = hintOf(error);
  return subject?.includes('/') ? hint?.replaceAll(subject, 'IMAGE') : hint;
}

/** Error without causes, and the target of the batch that it is part of. */
interface Leaf {
  readonly target: string | undefined;
  readonly error: AirgapError;
}

function leafErrors(error: AirgapError, outer?: string): Leaf[] {
  const { causes, parts } = error;
  const { target = outer, subject } = parts;
  if (causes.length === 0) return [{ target, error }];
  return causes.flatMap((cause) => leafErrors(subject === undefined ? cause : cause.with({ subject }), target));
}
