import { AirgapError } from '../base/errors.ts';
import type { Choice } from '../lock/choice.ts';
import type { Finding } from '../lock/finding.ts';
import { tryParseReference } from '../oci/reference.ts';
import { type Context, withScratch } from './context.ts';
import { type ImagesOptions, searchChosen } from './images.ts';
import { referenceMatcher } from './search/pattern.ts';

export interface WhyOptions extends ImagesOptions {
  /** Reference or pattern, as for `exclude`. */
  readonly asked: string;
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
export function why(context: Context, { asked, ...options }: WhyOptions): Promise<WhyResult> {
  return withScratch(context, async (scratch) => {
    const { failures, findings, choices } = await searchChosen(context, options, scratch);
    const isAsked = referenceMatcher(asked);
    const images = findings.filter(({ reference }) => isAsked(reference));
    if (images.length === 0) throw notFound(asked, findings, choices.find(leftOut(isAsked)), failures.length > 0);
    return { asked, images, failures };
  });
}

function leftOut(isAsked: (reference: string) => boolean): (choice: Choice) => boolean {
  return ({ rule, references }) => rule !== 'include' && references.some(isAsked);
}

function notFound(
  asked: string,
  findings: readonly Finding[],
  choice: Choice | undefined,
  isIncomplete: boolean,
): AirgapError {
  if (choice !== undefined) {
    const by = `--${choice.rule}${choice.pattern === undefined ? '' : ` ${choice.pattern}`}`;
    const reason = choice.reason === undefined ? '' : ` (${choice.reason})`;
    return new AirgapError('image-not-found', `${asked} was found but is excluded by ${by}${reason}`, {
      hint: 'repeat without that flag or setting to see its locations',
    });
  }
  const near = nearMisses(asked, findings);
  const hints = [
    ...(near.length === 0 ? [] : [`similar: ${near.join(', ')}`]),
    `--explain '${asked}' shows where that text occurs and why it is not accepted as an image`,
    ...(isIncomplete ? ['some nested charts could not be searched (helm airgap images lists them)'] : []),
  ];
  return new AirgapError('image-not-found', `no image that was found matches ${asked}`, {
    hint: hints.join('; '),
  });
}

/** Maximum number of references in a hint. */
const NAMED = 5;
/** Shorter names occur in too many others. */
const TELLING = 4;

/** Returns references whose last component equals the requested one, contains it, or is contained in it. */
function nearMisses(asked: string, findings: readonly Finding[]): string[] {
  const wanted = lastComponent(asked.replaceAll('*', ''));
  const others = findings.map(({ reference }) => ({ reference, last: lastComponent(reference) }));
  const same = others.filter(({ last }) => last === wanted);
  const alike = others.filter(
    ({ last }) =>
      last !== wanted &&
      Math.min(last.length, wanted.length) >= TELLING &&
      (last.includes(wanted) || wanted.includes(last)),
  );
  return [...same, ...alike].slice(0, NAMED).map(({ reference }) => reference);
}

function lastComponent(text: string): string {
  const last = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
  const path = tryParseReference(text)?.path;
  return path === undefined ? (last(text).split(/[:@]/)[0] ?? '') : last(path);
}
