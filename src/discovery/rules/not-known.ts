import type { RenderedDocument } from '../../helm/documents.ts';
import { apiGroup, kindOf, typeMetaOf } from '../../helm/type-meta.ts';
import type { NotKnown } from '../../inventory/state.ts';
import { nestedCharts } from '../nested/index.ts';
import type { RuleInput } from './apply.ts';
import { podStarters } from './operators.ts';
import { findOperators } from './render.ts';
import type { Rule } from './schema.ts';
import { isBuiltInApi, startsNothing } from './silent-kinds.ts';
import { uncoveredNote, uncoveredOperators } from './uncovered-operators.ts';

/** A render, and the definitions that are installed with it. */
interface NotKnownInput extends RuleInput {
  /** Files of the chart's `crds` folders, by path; empty for manifests. */
  readonly crds: ReadonlyMap<string, string>;
}

/** Proxies that run beside operators, with their accounts. */
const PROXY = /\/(?:kube-rbac-proxy|oauth-proxy|cloud-sql-proxy)[:@]/;

const SETTLE =
  'scan the operator with --look-inside or --include-inside, list what it started in a cluster with --pods, or write a rule for --rules';

/** Returns the operators and the kinds of resources of which nothing says which images they lead to. */
export function notKnownOperators(rules: readonly Rule[], input: NotKnownInput): NotKnown[] {
  const { documents, references, metadata, context, crds } = input;
  const definitions = [
    ...[...crds.values()].flatMap((text) => text.split(/^---/m)),
    ...documents.filter((document) => kindOf(document) === 'CustomResourceDefinition').map(({ text }) => text),
  ].flatMap(definedKind);
  const versions = uncoveredOperators(rules, input).map((operator): NotKnown => {
    const { why, settle } = uncoveredNote(operator);
    return {
      state: 'not-known',
      what: 'operator',
      name: `${operator.operator} ${operator.release}`,
      ...context,
      why,
      settle,
    };
  });
  const covered = new Set(
    rules.flatMap(({ when }) =>
      findOperators(when.images, references, documents, metadata.appVersion).map(
        ({ reference }) => reference.reference,
      ),
    ),
  );
  const operators = podStarters(documents, references).flatMap(({ reference }) =>
    covered.has(reference.reference) || PROXY.test(reference.reference) ? [] : [reference],
  );
  const kinds = firstOf(definitions.map(({ kind }) => kind));
  const images = [...new Map(operators.map((located) => [located.reference, located])).values()];
  return [
    ...versions,
    ...images.map(
      ({ reference: name, template, path }): NotKnown => ({
        ...{ state: 'not-known', what: 'operator', name, ...context, template, path },
        why: `it may start Pods${kinds === '' ? '' : `, for resources such as ${kinds}`}, and no rule says with which images`,
        settle: SETTLE,
      }),
    ),
    ...unexplainedKinds(rules, input, definitions).map(
      (name): NotKnown => ({
        ...{ state: 'not-known', what: 'kind', name, ...context },
        why: 'no rule and no definition says whether a controller starts images for resources of this kind',
        settle: SETTLE,
      }),
    ),
  ];
}

/** Kinds named in a message. */
const MAX_KINDS = 4;

function firstOf(kinds: readonly string[]): string {
  const distinct = [...new Set(kinds)].sort();
  const more = distinct.length - MAX_KINDS;
  return [...distinct.slice(0, MAX_KINDS), ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

interface DefinedKind {
  readonly group: string;
  readonly kind: string;
}

/**
 * Returns the kind that a custom resource definition defines. Its fields are read without parsing, which takes long for large
 * schemas: `names` and `group` are the first keys of these names in `spec`, as schemas are in `versions`.
 */
function definedKind(text: string): DefinedKind[] {
  if (!text.includes('CustomResourceDefinition')) return [];
  const spec = text.slice(Math.max(0, text.search(/\bspec["']?:/)));
  const names = spec.slice(Math.max(0, spec.search(/\bnames["']?:/))).slice(0, 1000);
  const kind = /\bkind["']?:\s*["']?(\w+)/.exec(names)?.[1];
  const group = /\bgroup["']?:\s*["']?([\w.-]+)/.exec(spec)?.[1];
  return kind === undefined || group === undefined ? [] : [{ group, kind }];
}

/** Returns the kinds of custom resources, with their groups, that neither a rule nor a definition nor an image in them explains. */
function unexplainedKinds(
  rules: readonly Rule[],
  { documents, references }: NotKnownInput,
  definitions: readonly DefinedKind[],
): string[] {
  const withImages = new Set(references.map(({ template, document }) => `${template}\n${document}`));
  const isKnown = (group: string, kind: string): boolean =>
    startsNothing(group, kind) ||
    definitions.some((defined) => defined.group === group && defined.kind === kind) ||
    rules.some(({ images }) => images.some(({ for: resource }) => resource?.group === group && resource.kind === kind));
  const found = documents.flatMap((document) => {
    const { apiVersion, kind } = typeOf(document);
    const group = apiGroup(apiVersion);
    if (kind === '' || group === '' || isBuiltInApi(apiVersion) || isKnown(group, kind)) return [];
    if (withImages.has(`${document.template}\n${document.index}`) || nestedCharts([document], {}).length > 0) return [];
    return [`${kind} (${group})`];
  });
  return [...new Set(found)].sort();
}

function typeOf(document: RenderedDocument): { readonly apiVersion: string; readonly kind: string } {
  const known = typeMetaOf(document);
  if (known !== undefined) return known;
  const { apiVersion, kind } = document.object ?? {};
  return { apiVersion: String(apiVersion ?? ''), kind: String(kind ?? '') };
}
