import semver from 'semver';
import { before } from '../../base/text-ends.ts';
import type { RenderedDocument } from '../../helm/documents.ts';
import type { Confidence, How, Need, Redirect } from '../../lock/finding.ts';
import { formatReference, tryParseReference } from '../../oci/reference.ts';
import type { PlaceFound } from '../place.ts';
import {
  argumentOf,
  findOperators,
  hasConfigKey,
  indexKinds,
  isOfRoot,
  type Kinds,
  type Operator,
  ofKind,
  type Resource,
  textAt,
  valueAt,
} from './render.ts';
import type { Rule, RuleImage } from './schema.ts';
import { fill, type Variable } from './template.ts';
import { lookUp, releaseOf } from './version.ts';

/** One render and the references found in it. */
export interface RuleInput {
  /** From `Chart.yaml`. */
  readonly metadata: { readonly name: string; readonly version: string; readonly appVersion?: string };
  readonly documents: readonly RenderedDocument[];
  readonly places: readonly PlaceFound[];
  readonly context: { readonly chart: string; readonly profile: string };
}

/** The cause for needing an image: a container of the operator, a resource of the render, or both. */
interface Subject {
  readonly operator: Operator | undefined;
  readonly resource: Resource | undefined;
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
export function applyRules(rules: readonly Rule[], input: RuleInput): PlaceFound[] {
  const kinds = indexKinds(input.documents);
  return rules.flatMap((rule) => {
    const operators = findOperators(rule.when.images, input.places, input.documents, input.metadata.appVersion);
    const found = new Map<string, PlaceFound>();
    for (const image of rule.images) {
      for (const subject of subjectsOf(rule, image, operators, kinds)) {
        const place = placeOf(rule, image, subject, operators, kinds, input);
        if (place === undefined) continue;
        // Several containers of one operator choose the same image once; several resources require it once each.
        const { template, index } = subject.resource?.document ?? {};
        const key = JSON.stringify([image.name, place.reference, template, index]);
        const isTold = subject.userMade && [...found.values()].some((other) => isSame(other, place));
        if (!found.has(key) && !isTold) found.set(key, place);
      }
    }
    return [...found.values()];
  });
}

/**
 * Tests whether a location comes from one of these rules. A location read from a lock file may come from a rule that is
 * not loaded.
 */
export function isByRule(
  { how, within }: { readonly how: How; readonly within?: string | undefined },
  rules: readonly Rule[],
): boolean {
  return how === 'operator-rule' && rules.some((rule) => within?.startsWith(namedIn(rule)));
}

/** Prefix of `within` in locations of a rule. */
export function namedIn({ operator }: Rule): string {
  return `rule ${operator}: `;
}

/** Tests whether two references are the same image of a rule. */
function isSame(a: PlaceFound, b: PlaceFound): boolean {
  return a.within === b.within && a.reference === b.reference;
}

/**
 * Returns the resources of the render that need the image, and the operator's containers where it needs the image
 * without a resource or for resources of users.
 */
function subjectsOf(rule: Rule, { for: wanted }: RuleImage, operators: readonly Operator[], kinds: Kinds): Subject[] {
  const [operator] = operators;
  const defaults = (userMade: boolean, unlikely: boolean): Subject[] =>
    operators.map((each) => ({ operator: each, resource: undefined, release: each.release, userMade, unlikely }));
  if (wanted === undefined) return defaults(false, false);
  const rendered = resourcesFor(wanted, kinds).map(
    (resource): Subject => ({
      operator,
      resource,
      release: wanted.version === undefined ? operator?.release : releaseOf(textAt(resource.object, wanted.version)),
      userMade: false,
      unlikely: false,
    }),
  );
  if (rendered.length > 0 && wanted.single) return rendered;
  const isUsed = rule.images.some(({ for: other }) => other !== undefined && resourcesFor(other, kinds).length > 0);
  return [...rendered, ...defaults(true, isUsed)];
}

function resourcesFor({ group, kind, has }: NonNullable<RuleImage['for']>, kinds: Kinds): Resource[] {
  const resources = ofKind(kinds, group, kind);
  return has === undefined ? resources : resources.filter(({ object }) => Boolean(valueAt(object, has)));
}

function placeOf(
  rule: Rule,
  image: RuleImage,
  subject: Subject,
  operators: readonly Operator[],
  kinds: Kinds,
  { metadata, context }: RuleInput,
): PlaceFound | undefined {
  const { operator, resource, release } = subject;
  const { versions } = image;
  if (versions !== undefined && release !== undefined && !semver.satisfies(release, versions)) return undefined;
  if (image.unless?.some((condition) => isNamed(condition, operators, resource, kinds))) return undefined;
  const at = resource === undefined ? operatorPosition(operator) : resourcePosition(resource);
  const appVersion = isOfRoot(at.template) ? metadata.appVersion : undefined;
  let guessed = versions !== undefined && release === undefined;
  const written = fill(image.reference, (variable) => {
    if (variable[0] !== 'table') return textOf(variable, subject, appVersion);
    const entry = operator === undefined ? undefined : lookUp(rule.tables?.[variable[1]] ?? {}, operator.release);
    guessed ||= entry?.guessed === true;
    return entry?.text;
  });
  const reference = written === undefined ? undefined : tryParseReference(written);
  if (written === undefined || reference === undefined) return undefined;
  const known: Confidence = guessed ? 'possible' : (image.confidence ?? 'likely');
  const need: Need = image.need ?? (resource === undefined ? 'operand' : 'install');
  return {
    ...context,
    ...at,
    within: `${namedIn(rule)}${image.name}`,
    how: 'operator-rule',
    written,
    redirect: redirectOf(image.redirect, at.template),
    reference: formatReference(reference),
    confidence: subject.unlikely ? 'possible' : known,
    need,
    // A guess is not a known default, and neither is an image that depends on the cluster.
    ...(subject.userMade && known !== 'possible' ? { userMade: true } : {}),
  };
}

type Position = Pick<PlaceFound, 'template' | 'document' | 'kind' | 'name' | 'path'>;

function operatorPosition(operator: Operator | undefined): Position {
  const { template = '', document = 0, kind = '', name = '', path = '' } = operator?.place ?? {};
  return { template, document, kind, name, path };
}

function resourcePosition({ document, object }: Resource): Position {
  const name = textAt(object, 'metadata.name') ?? '';
  return { template: document.template, document: document.index, kind: String(object.kind), name, path: 'spec' };
}

function isNamed(
  condition: NonNullable<RuleImage['unless']>[number],
  operators: readonly Operator[],
  resource: Resource | undefined,
  kinds: Kinds,
): boolean {
  if ('env' in condition) return operators.some(({ env }) => env.has(condition.env));
  if ('argument' in condition) return operators.some(({ args }) => argumentOf(args, condition.argument) !== undefined);
  if ('field' in condition) return Boolean(valueAt(resource?.object, condition.field));
  return hasConfigKey(kinds, condition.config);
}

function textOf(
  [scope, name]: Variable,
  { operator, resource, release }: Subject,
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
      return textAt(resource?.object, name);
    default:
      return undefined;
  }
}

/** Rules contain values as the operator's chart takes them; locations contain them as the rendered chart takes them. */
function redirectOf(redirect: RuleImage['redirect'], template: string): Redirect {
  if (redirect.kind === 'none') return redirect;
  const { values: byChart, ...rest } = redirect;
  const path = before(template, '/templates/').split('/charts/');
  const values = byChart?.[path.at(-1) ?? ''];
  if (values === undefined) return rest;
  const nested = path.slice(1).reduceRight<Record<string, unknown>>((inner, name) => ({ [name]: inner }), values);
  return { ...rest, values: nested };
}
