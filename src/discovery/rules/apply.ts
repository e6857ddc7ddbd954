import semver from 'semver';
import { fieldValue } from '../../base/field-path.ts';
import { textBefore } from '../../base/text-trim.ts';
import type { RenderedDocument } from '../../helm/documents.ts';
import type { Confidence, EvidenceKind, LocatedReference, Need, Redirect } from '../../inventory/finding.ts';
import { formatReference, tryParseReference } from '../../oci/reference.ts';
import {
  argumentOf,
  type DocumentsByKind,
  fieldText,
  findOperators,
  groupByKind,
  hasConfigKey,
  isRootTemplate,
  type Operator,
  type RuleResource,
  resourcesOfKind,
} from './render.ts';
import type { Rule, RuleImage } from './schema.ts';
import { fillRuleTemplate, lookUpRelease, releaseOf, type TemplateVariable } from './template.ts';

/** One render and the references found in it. */
export interface RuleInput {
  /** From `Chart.yaml`. */
  readonly metadata: { readonly name: string; readonly version: string; readonly appVersion?: string };
  readonly documents: readonly RenderedDocument[];
  readonly references: readonly LocatedReference[];
  readonly context: { readonly chart: string; readonly profile: string };
}

/** The cause for needing an image: a container of the operator, a resource of the render, or both. */
interface RuleSubject {
  readonly operator: Operator | undefined;
  readonly resource: RuleResource | undefined;
  readonly release: string | undefined;
  /** True if it represents resources that users will create. */
  readonly userMade: boolean;
  /** The render has resources of this operator, so an install may not need this image. */
  readonly unlikely: boolean;
}

/**
 * Returns the images that the operators of a render choose at run time. Each is located at the resource that requires
 * it, else at the operator's container. Images that the render itself names (`unless`) are omitted.
 */
export function applyRules(rules: readonly Rule[], input: RuleInput): LocatedReference[] {
  const kinds = groupByKind(input.documents);
  return rules.flatMap((rule) => {
    const operators = findOperators(rule.when.images, input.references, input.documents, input.metadata.appVersion);
    const found = new Map<string, LocatedReference>();
    for (const image of rule.images) {
      for (const subject of subjectsOf(rule, image, operators, kinds)) {
        const reference = referenceFor(rule, image, subject, operators, kinds, input);
        if (reference === undefined) continue;
        // Several containers of one operator choose the same image once; several resources require it once each.
        const { template, index } = subject.resource?.document ?? {};
        const key = JSON.stringify([image.name, reference.reference, template, index]);
        const isRepeated = subject.userMade && [...found.values()].some((other) => isSameImage(other, reference));
        if (!found.has(key) && !isRepeated) found.set(key, reference);
      }
    }
    return [...found.values()];
  });
}

/**
 * Reports whether a location comes from one of these rules. A location read from a lock file may come from a rule that
 * is not loaded.
 */
export function isFromRule(
  { how, within }: { readonly how: EvidenceKind; readonly within?: string | undefined },
  rules: readonly Rule[],
): boolean {
  return how === 'operator-rule' && rules.some((rule) => within?.startsWith(rulePrefix(rule)));
}

/** Prefix of `within` in locations of a rule. */
export function rulePrefix({ operator }: Rule): string {
  return `rule ${operator}: `;
}

/** Reports whether two references are the same image of a rule. */
function isSameImage(a: LocatedReference, b: LocatedReference): boolean {
  return a.within === b.within && a.reference === b.reference;
}

/**
 * Returns the resources of the render that need the image, and the operator's containers where it needs the image
 * without a resource or for resources of users.
 */
function subjectsOf(
  rule: Rule,
  { for: condition }: RuleImage,
  operators: readonly Operator[],
  kinds: DocumentsByKind,
): RuleSubject[] {
  const [operator] = operators;
  const defaults = (userMade: boolean, unlikely: boolean): RuleSubject[] =>
    operators.map((candidate) => ({
      operator: candidate,
      resource: undefined,
      release: candidate.release,
      userMade,
      unlikely,
    }));
  if (condition === undefined) return defaults(false, false);
  const rendered = resourcesFor(condition, kinds).map(
    (resource): RuleSubject => ({
      operator,
      resource,
      release:
        condition.version === undefined ? operator?.release : releaseOf(fieldText(resource.object, condition.version)),
      userMade: false,
      unlikely: false,
    }),
  );
  if (rendered.length > 0 && condition.single) return rendered;
  const isUsed = rule.images.some(({ for: other }) => other !== undefined && resourcesFor(other, kinds).length > 0);
  return [...rendered, ...defaults(true, isUsed)];
}

function resourcesFor({ group, kind, has }: NonNullable<RuleImage['for']>, kinds: DocumentsByKind): RuleResource[] {
  const resources = resourcesOfKind(kinds, group, kind);
  return has === undefined ? resources : resources.filter(({ object }) => Boolean(fieldValue(object, has)));
}

function referenceFor(
  rule: Rule,
  image: RuleImage,
  subject: RuleSubject,
  operators: readonly Operator[],
  kinds: DocumentsByKind,
  { metadata, context }: RuleInput,
): LocatedReference | undefined {
  const { operator, resource, release } = subject;
  const { versions } = image;
  if (versions !== undefined && release !== undefined && !semver.satisfies(release, versions)) return undefined;
  if (image.unless?.some((condition) => isNamedInRender(condition, operators, resource, kinds))) return undefined;
  const location = resource === undefined ? operatorLocation(operator) : resourceLocation(resource);
  const appVersion = isRootTemplate(location.template) ? metadata.appVersion : undefined;
  let isGuessed = versions !== undefined && release === undefined;
  const written = fillRuleTemplate(image.reference, (variable) => {
    if (variable[0] !== 'table') return variableText(variable, subject, appVersion);
    const entry =
      operator === undefined ? undefined : lookUpRelease(rule.tables?.[variable[1]] ?? {}, operator.release);
    isGuessed ||= entry?.guessed === true;
    return entry?.text;
  });
  const reference = written === undefined ? undefined : tryParseReference(written);
  if (written === undefined || reference === undefined) return undefined;
  const ruleConfidence: Confidence = isGuessed ? 'possible' : (image.confidence ?? 'likely');
  const need: Need = image.need ?? (resource === undefined ? 'operand' : 'install');
  return {
    ...context,
    ...location,
    within: `${rulePrefix(rule)}${image.name}`,
    how: 'operator-rule',
    written,
    redirect: redirectOf(image.redirect, location.template),
    reference: formatReference(reference),
    confidence: subject.unlikely ? 'possible' : ruleConfidence,
    need,
    // A guess is not a known default, and neither is an image that depends on the cluster.
    ...(subject.userMade && ruleConfidence !== 'possible' ? { userMade: true } : {}),
  };
}

type ObjectLocation = Pick<LocatedReference, 'template' | 'document' | 'kind' | 'name' | 'path'>;

function operatorLocation(operator: Operator | undefined): ObjectLocation {
  const { template = '', document = 0, kind = '', name = '', path = '' } = operator?.reference ?? {};
  return { template, document, kind, name, path };
}

function resourceLocation({ document, object }: RuleResource): ObjectLocation {
  const name = fieldText(object, 'metadata.name') ?? '';
  return { template: document.template, document: document.index, kind: String(object.kind), name, path: 'spec' };
}

function isNamedInRender(
  condition: NonNullable<RuleImage['unless']>[number],
  operators: readonly Operator[],
  resource: RuleResource | undefined,
  kinds: DocumentsByKind,
): boolean {
  if ('env' in condition) return operators.some(({ env }) => env.has(condition.env));
  if ('argument' in condition) return operators.some(({ args }) => argumentOf(args, condition.argument) !== undefined);
  if ('field' in condition) return Boolean(fieldValue(resource?.object, condition.field));
  return hasConfigKey(kinds, condition.config);
}

function variableText(
  [scope, name]: TemplateVariable,
  { operator, resource, release }: RuleSubject,
  appVersion: string | undefined,
): string | undefined {
  switch (scope) {
    case 'tag':
      return operator?.tag;
    case 'version':
      return release;
    case 'folder':
      return operator?.folder;
    case 'appVersion':
      return appVersion;
    case 'env':
      return operator?.env.get(name);
    case 'arg':
      return operator === undefined ? undefined : argumentOf(operator.args, name);
    case 'field':
      return fieldText(resource?.object, name);
    default:
      return undefined;
  }
}

/** Rules contain values as the operator's chart takes them; locations contain them as the rendered chart takes them. */
function redirectOf(redirect: RuleImage['redirect'], template: string): Redirect {
  if (redirect.kind === 'none') return redirect;
  const { values: byChart, ...rest } = redirect;
  const path = textBefore(template, '/templates/').split('/charts/');
  const values = byChart?.[path.at(-1) ?? ''];
  if (values === undefined) return rest;
  const nested = path.slice(1).reduceRight<Record<string, unknown>>((inner, name) => ({ [name]: inner }), values);
  return { ...rest, values: nested };
}

/**
 * Returns the containers of a render, by their image fields, whose operator chooses an image by one of these rules; for
 * a rule that is not loaded, the one at which the image was found.
 */
export function operatorsFor(
  reference: LocatedReference,
  rules: readonly Rule[],
  { references, documents }: Pick<RuleInput, 'references' | 'documents'>,
): LocatedReference[] {
  const rule = rules.find((candidate) => isFromRule(reference, [candidate]));
  if (rule === undefined) return /\.image$/.test(reference.path) ? [reference] : [];
  return findOperators(rule.when.images, references, documents, undefined).map((operator) => operator.reference);
}
