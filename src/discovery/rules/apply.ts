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

/** One render with what was found in it. */
export interface RuleInput {
  /** From `Chart.yaml`. */
  readonly metadata: { readonly name: string; readonly version: string; readonly appVersion?: string };
  readonly documents: readonly RenderedDocument[];
  readonly places: readonly PlaceFound[];
  readonly context: { readonly chart: string; readonly profile: string };
}

/** What an image is asked for: an operator's container, a resource of the render, or both. */
interface Subject {
  readonly operator: Operator | undefined;
  readonly resource: Resource | undefined;
  readonly release: string | undefined;
  /** Whether it stands for resources that users are going to make. */
  readonly userMade: boolean;
  /** Resources of this operator are rendered, so an install may do without this image. */
  readonly unlikely: boolean;
}

/**
 * Images that operators of a render choose at run time: places at the resource that makes them needed where the render
 * has one, else at the operator's container. What the render names itself (`unless`) is left out.
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
        // Several containers of one operator choose the same image once; several resources want it each.
        const { template, index } = subject.resource?.document ?? {};
        const key = JSON.stringify([image.name, place.reference, template, index]);
        const isTold = subject.userMade && [...found.values()].some((other) => isSame(other, place));
        if (!found.has(key) && !isTold) found.set(key, place);
      }
    }
    return [...found.values()];
  });
}

/** Whether one of these rules says so; a place out of a lock may be of a rule that nobody has here. */
export function isByRule(
  { how, within }: { readonly how: How; readonly within?: string | undefined },
  rules: readonly Rule[],
): boolean {
  return how === 'operator-rule' && rules.some((rule) => within?.startsWith(namedIn(rule)));
}

/** How places of a rule begin in what they are within. */
export function namedIn({ operator }: Rule): string {
  return `rule ${operator}: `;
}

/** Whether two places are one image of a rule. */
function isSame(a: PlaceFound, b: PlaceFound): boolean {
  return a.within === b.within && a.reference === b.reference;
}

/** The resources of the render, and the operator's containers for what it chooses without one, or for further ones. */
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
    // A guess is no default that is known, and neither is what depends on the cluster.
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

/** A rule knows values by the chart that takes them; a place has them as the chart that was rendered takes them. */
function redirectOf(redirect: RuleImage['redirect'], template: string): Redirect {
  if (redirect.kind === 'none') return redirect;
  const { values: byChart, ...rest } = redirect;
  const path = before(template, '/templates/').split('/charts/');
  const values = byChart?.[path.at(-1) ?? ''];
  if (values === undefined) return rest;
  const nested = path.slice(1).reduceRight<Record<string, unknown>>((inner, name) => ({ [name]: inner }), values);
  return { ...rest, values: nested };
}
