import { AirgapError } from '../../base/errors.ts';
import type { Finding } from '../../inventory/finding.ts';
import type { SelectionRecord } from '../../inventory/selection-record.ts';
import { tryParseReference } from '../../oci/reference.ts';
import { referenceMatcher } from '../../oci/reference-matcher.ts';
import { type Context, withScratch } from '../../session/context.ts';
import { type ImagesOptions, searchSelected } from './images.ts';

export interface WhyOptions extends ImagesOptions {
  /** Reference or pattern, as for `exclude`. */
  readonly pattern: string;
}

export interface WhyResult {
  readonly asked: string;
  /** At least one. */
  readonly images: readonly Finding[];
  /** Nested charts that could not be searched: their locations are missing. */
  readonly failures: readonly AirgapError[];
}

/**
 * Returns the findings that match a pattern, with all their locations.
 * @throws AirgapError `image-not-found` if no image matches, naming similar ones
 */
export function why(context: Context, { pattern, ...options }: WhyOptions): Promise<WhyResult> {
  return withScratch(context, async (scratch) => {
    const { failures, findings, selections } = await searchSelected(context, options, scratch);
    const matches = referenceMatcher(pattern);
    const images = findings.filter(({ reference }) => matches(reference));
    if (images.length === 0) {
      const selection = selections.find(({ rule, references }) => rule !== 'include' && references.some(matches));
      throw notFound(pattern, findings, selection, failures.length > 0);
    }
    return { asked: pattern, images, failures };
  });
}

function notFound(
  pattern: string,
  findings: readonly Finding[],
  selection: SelectionRecord | undefined,
  isIncomplete: boolean,
): AirgapError {
  if (selection !== undefined) {
    const flag = `--${selection.rule}${selection.pattern === undefined ? '' : ` ${selection.pattern}`}`;
    const reason = selection.reason === undefined ? '' : ` (${selection.reason})`;
    return new AirgapError('image-not-found', `${pattern} was found but is left out by ${flag}${reason}`, {
      hint: 'run again without that flag or setting to see its locations',
    });
  }
  const similar = similarReferences(pattern, findings);
  const hints = [
    ...(similar.length === 0 ? [] : [`similar: ${similar.join(', ')}`]),
    `--explain '${pattern}' shows where that text occurs and why it is not accepted as an image`,
    ...(isIncomplete ? ['some nested charts could not be searched (helm airgap images lists them)'] : []),
  ];
  return new AirgapError('image-not-found', `no image that was found matches ${pattern}`, {
    hint: hints.join('; '),
  });
}

/** Maximum number of references in a hint. */
const MAX_NAMED = 5;
/** Shorter names occur in too many others. */
const MIN_SHARED_LENGTH = 4;

/** Returns references whose last component equals the requested one, contains it, or is contained in it. */
function similarReferences(pattern: string, findings: readonly Finding[]): string[] {
  const requestedName = lastComponent(pattern.replaceAll('*', ''));
  const others = findings.map(({ reference }) => ({ reference, last: lastComponent(reference) }));
  const same = others.filter(({ last }) => last === requestedName);
  const alike = others.filter(
    ({ last }) =>
      last !== requestedName &&
      Math.min(last.length, requestedName.length) >= MIN_SHARED_LENGTH &&
      (last.includes(requestedName) || requestedName.includes(last)),
  );
  return [...same, ...alike].slice(0, MAX_NAMED).map(({ reference }) => reference);
}

function lastComponent(text: string): string {
  const last = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
  const path = tryParseReference(text)?.path;
  return path === undefined ? (last(text).split(/[:@]/)[0] ?? '') : last(path);
}
