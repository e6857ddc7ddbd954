import type { Confidence } from '../../lock/finding.ts';
import { assess } from '../candidate.ts';
import type { Evidence } from '../naming.ts';
import { rejectedBecause, takenBecause } from './reasons.ts';

/** Assessment of a text with one strength of evidence. */
export interface BareVerdict {
  readonly evidence: Evidence;
  readonly taken: boolean;
  readonly reference?: string;
  readonly confidence?: Confidence;
  /** One sentence without a full stop. */
  readonly because: string;
}

/** Assessment of a text without context. */
export interface Bare {
  /** Strongest evidence first. */
  readonly verdicts: readonly BareVerdict[];
  /** Forms in which the text would be accepted outside pod specs, each with the required context. */
  readonly wants: readonly string[];
}

/** An example key for each strength of evidence. */
const NAMES: Readonly<Record<Evidence, string | undefined>> = {
  typed: 'image',
  key: 'image',
  context: 'images',
  none: undefined,
};

/** Assesses a text with each strength of evidence and no other context. */
export function judgeBare(text: string): Bare {
  const verdicts = (['typed', 'key', 'context', 'none'] as const).map((evidence): BareVerdict => {
    const assessment = assess(text, evidence);
    const around = { key: NAMES[evidence], namedBy: NAMES[evidence], script: false };
    if (typeof assessment === 'string') {
      return { evidence, taken: false, because: rejectedBecause(assessment, text, evidence, around) };
    }
    return { evidence, taken: true, ...assessment, because: takenBecause(text, evidence, around) };
  });
  return { verdicts, wants: wantsOf(text) };
}

function wantsOf(text: string): string[] {
  if (typeof assess(text, 'typed') === 'string') return ['not a valid reference in any context'];
  const anywhere = enough(text, 'none');
  const named = anywhere.includes(text) ? [] : enough(text, 'key');
  return [
    ...(named.length === 0
      ? []
      : [`${inWords(text, named)}: a key that names an image (image:, FOO_IMAGE=, --foo-image)`]),
    ...(anywhere.length === 0 ? [] : [`${inWords(text, anywhere)}: any key, or none`]),
  ];
}

/**
 * Returns the forms with the fewest changes that are accepted: the text itself, with a tag or a registry, or with both.
 */
function enough(text: string, evidence: Evidence): string[] {
  const tagged = /[:@]/.test(text.slice(text.lastIndexOf('/') + 1)) ? [] : [`${text}:1.0`];
  const behind = (one: string): string[] => (/^[^/.:]*[.:][^/]*\//.test(one) ? [] : [`registry.example/${one}`]);
  const changes = [[text], [...tagged, ...behind(text)], tagged.flatMap(behind)];
  const isTaken = (one: string): boolean => typeof assess(one, evidence) !== 'string';
  return changes.map((ones) => ones.filter(isTaken)).find((ones) => ones.length > 0) ?? [];
}

function inWords(text: string, forms: readonly string[]): string {
  return forms.includes(text) ? 'as is' : `written as ${forms.join(' or ')}`;
}
