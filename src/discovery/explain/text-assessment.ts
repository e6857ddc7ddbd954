import type { Confidence } from '../../inventory/finding.ts';
import { assess } from '../candidate.ts';
import type { Evidence } from '../key-evidence.ts';
import { acceptedReason, rejectedReason } from './reasons.ts';

/** Assessment of a text with one strength of evidence. */
interface EvidenceVerdict {
  readonly evidence: Evidence;
  readonly taken: boolean;
  readonly reference?: string;
  readonly confidence?: Confidence;
  /** One sentence without a full stop. */
  readonly because: string;
}

/** Assessment of a text without context. */
export interface TextAssessment {
  /** Strongest evidence first. */
  readonly verdicts: readonly EvidenceVerdict[];
  /** Forms in which the text would be accepted outside pod specs, each with the required context. */
  readonly wants: readonly string[];
}

/** An example key for each strength of evidence. */
const EXAMPLE_KEYS: Readonly<Record<Evidence, string | undefined>> = {
  typed: 'image',
  artifact: 'storageUri',
  key: 'image',
  context: 'images',
  none: undefined,
};

/** Assesses a text with each strength of evidence and no other context. */
export function assessText(text: string): TextAssessment {
  const verdicts = (['typed', 'key', 'context', 'none'] as const).map((evidence): EvidenceVerdict => {
    const assessment = assess(text, evidence);
    const context = { key: EXAMPLE_KEYS[evidence], namedBy: EXAMPLE_KEYS[evidence], inScript: false };
    if (typeof assessment === 'string') {
      return { evidence, taken: false, because: rejectedReason(assessment, text, evidence, context) };
    }
    return { evidence, taken: true, ...assessment, because: acceptedReason(text, evidence, context) };
  });
  return { verdicts, wants: requirementsOf(text) };
}

function requirementsOf(text: string): string[] {
  if (typeof assess(text, 'artifact') === 'string') return ['not a valid reference in any context'];
  if (typeof assess(text, 'typed') === 'string')
    return ['as is: a field whose controller pulls OCI artifacts (storageUri of KServe, url of a WasmPlugin)'];
  const formsWithoutKey = sufficientForms(text, 'none');
  const formsWithKey = formsWithoutKey.includes(text) ? [] : sufficientForms(text, 'key');
  return [
    ...(formsWithKey.length === 0
      ? []
      : [`${describeForms(text, formsWithKey)}: a key that names an image (image:, FOO_IMAGE=, --foo-image)`]),
    ...(formsWithoutKey.length === 0 ? [] : [`${describeForms(text, formsWithoutKey)}: any key, or none`]),
  ];
}

/**
 * Returns the forms with the fewest changes that are accepted: the text itself, with a tag or a registry, or with both.
 */
function sufficientForms(text: string, evidence: Evidence): string[] {
  const withTag = /[:@]/.test(text.slice(text.lastIndexOf('/') + 1)) ? [] : [`${text}:1.0`];
  const withRegistry = (form: string): string[] =>
    /^[^/.:]*[.:][^/]*\//.test(form) ? [] : [`registry.example/${form}`];
  const changes = [[text], [...withTag, ...withRegistry(text)], withTag.flatMap(withRegistry)];
  const isAccepted = (form: string): boolean => typeof assess(form, evidence) !== 'string';
  return changes.map((forms) => forms.filter(isAccepted)).find((forms) => forms.length > 0) ?? [];
}

function describeForms(text: string, forms: readonly string[]): string {
  return forms.includes(text) ? 'as is' : `written as ${forms.join(' or ')}`;
}
