import type { RenderedDocument } from '../helm/documents.ts';
import { headOf } from '../helm/head.ts';
import { type Change, changesBetween, type Documents } from '../influence/changes.ts';
import { formatPath } from '../influence/leaves.ts';
import type { Definition } from './definition.ts';
import { type Violation, violations } from './structural.ts';

/** A field of a custom resource that its definition refuses with the overrides and does not refuse without them. */
export interface ClusterRefusal {
  readonly kind: string;
  readonly name: string;
  readonly template: string;
  /** `spec.imagePullSecrets[0]` */
  readonly field: string;
  /** In words that follow the field. */
  readonly message: string;
}

/** Groups of Kubernetes itself, whose resources are defined by no chart. */
const BUILT_IN =
  /^(?:apps|batch|autoscaling|policy|extensions|(?:networking|storage|rbac\.authorization|admissionregistration|apiregistration|apiextensions|coordination|discovery|events|flowcontrol\.apiserver|node|scheduling|certificates|authentication|authorization|resource)\.k8s\.io)\//;

/** Whether the overrides change any resource that a definition may be of. */
export function touchesCustom(before: readonly Documents[], after: readonly Documents[]): boolean {
  return customPairs(before, after).some(({ documents }) => documents.length > 0);
}

/** What definitions refuse about the resources that differ, and did not refuse before. */
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
  // A resource that was not there: what every resource has is no business of its schema.
  const whole = path.length === 0;
  const value = whole ? { ...object, apiVersion: undefined, kind: undefined, metadata: undefined } : is;
  const schema = definition.schemaAt(path);
  const at = formatPath(path);
  if (schema === 'any' || value === undefined) return [];
  if (schema === undefined) return [{ path: at, message: 'is no field of the definition' }];
  const old = new Set((whole ? [] : violations(schema, was, at)).map(textOf));
  return violations(schema, value, at).filter((one) => !old.has(textOf(one)));
}

function textOf({ path, message }: Violation): string {
  return `${path} ${message}`;
}

/** Documents of after that may be custom resources and have another text, with those of before. */
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

/** Parsed only where its API version does not show. */
function isCustom(document: RenderedDocument): boolean {
  const apiVersion = headOf(document)?.apiVersion ?? String(document.object?.apiVersion ?? '');
  return apiVersion.includes('/') && !BUILT_IN.test(apiVersion);
}

function keyOf(render: number, template: string, index: number): string {
  return `${render}\n${template}\n${index}`;
}
