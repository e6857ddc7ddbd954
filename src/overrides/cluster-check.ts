import type { RenderedDocument } from '../helm/documents.ts';
import { headOf } from '../helm/head.ts';
import { type Change, changesBetween, type Documents } from '../influence/changes.ts';
import { formatPath } from '../influence/leaves.ts';
import type { Definition } from './definition.ts';
import { type Violation, violations } from './structural.ts';

/** Field of a custom resource that violates its CRD with the overrides and not without them. */
export interface ClusterRefusal {
  readonly kind: string;
  readonly name: string;
  readonly template: string;
  /** `spec.imagePullSecrets[0]` */
  readonly field: string;
  /** Predicate that follows the field's name, such as `is missing`. */
  readonly message: string;
}

/** API groups built into Kubernetes; no chart brings a CRD for them. */
const BUILT_IN =
  /^(?:apps|batch|autoscaling|policy|extensions|(?:networking|storage|rbac\.authorization|admissionregistration|apiregistration|apiextensions|coordination|discovery|events|flowcontrol\.apiserver|node|scheduling|certificates|authentication|authorization|resource)\.k8s\.io)\//;

/** Reports whether the overrides change any resource that a CRD may define. */
export function touchesCustom(before: readonly Documents[], after: readonly Documents[]): boolean {
  return customPairs(before, after).some(({ documents }) => documents.length > 0);
}

/** Returns violations in changed custom resources, without those that were there before. */
export function clusterRefusals(
  before: readonly Documents[],
  after: readonly Documents[],
  definitionOf: (apiVersion: string, kind: string) => Definition | undefined,
): ClusterRefusal[] {
  const pairs = customPairs(before, after);
  const objects = new Map(
    pairs.flatMap(({ documents }, render) => documents.map((one) => [keyOf(render, one.template, one.index), one])),
  );
  return changesBetween(
    before.map((_, i) => ({ documents: pairs[i]?.were ?? [] })),
    pairs,
  ).flatMap((change) => {
    const { object } = objects.get(keyOf(change.render, change.template, change.document)) ?? {};
    const { apiVersion, kind, metadata } = object ?? {};
    const definition = definitionOf(String(apiVersion), String(kind));
    if (object === undefined || definition === undefined) return [];
    const { name = '' } = (metadata ?? {}) as { name?: unknown };
    return newViolations(definition, change, object).map(({ path, message }) => ({
      kind: String(kind),
      name: String(name),
      template: change.template,
      field: path,
      message,
    }));
  });
}

function newViolations(definition: Definition, { path, was, is }: Change, object: object): Violation[] {
  if (/^(?:apiVersion|kind|metadata|status)$/.test(String(path[0]))) return [];
  // A new resource: the schema does not cover the fields common to all resources.
  const whole = path.length === 0;
  const value = whole ? { ...object, apiVersion: undefined, kind: undefined, metadata: undefined } : is;
  const schema = definition.schemaAt(path);
  const at = formatPath(path);
  if (schema === 'any' || value === undefined) return [];
  if (schema === undefined) return [{ path: at, message: 'is not defined in the schema' }];
  const old = new Set((whole ? [] : violations(schema, was, at)).map(textOf));
  return violations(schema, value, at).filter((one) => !old.has(textOf(one)));
}

function textOf({ path, message }: Violation): string {
  return `${path} ${message}`;
}

/**
 * Returns the documents of `after` that may be custom resources and whose text changed, with their previous versions.
 */
function customPairs(
  before: readonly Documents[],
  after: readonly Documents[],
): { readonly documents: readonly RenderedDocument[]; readonly were: readonly RenderedDocument[] }[] {
  return after.map(({ documents }, render) => {
    const were = new Map((before[render]?.documents ?? []).map((one) => [keyOf(render, one.template, one.index), one]));
    const oldOf = ({ template, index }: RenderedDocument) => were.get(keyOf(render, template, index));
    const changed = documents.filter((one) => oldOf(one)?.text !== one.text && isCustom(one));
    return { documents: changed, were: changed.flatMap((one) => oldOf(one) ?? []) };
  });
}

/** Parses the document only if the API version does not show in its first lines. */
function isCustom(document: RenderedDocument): boolean {
  const apiVersion = headOf(document)?.apiVersion ?? String(document.object?.apiVersion ?? '');
  return apiVersion.includes('/') && !BUILT_IN.test(apiVersion);
}

function keyOf(render: number, template: string, index: number): string {
  return `${render}\n${template}\n${index}`;
}
