import { AirgapError } from '../../base/errors.ts';
import { formatPath } from '../../base/field-path.ts';
import { IN_CRDS_FOLDER, readChartFiles } from '../../helm/chart-files.ts';
import { documentKey, type RenderedDocument } from '../../helm/documents.ts';
import type { Render, Renderer } from '../../helm/render.ts';
import { typeMetaOf } from '../../helm/type-meta.ts';
import type { NotKnown } from '../../inventory/state.ts';
import { type Change, changesBetween, type RenderOutput } from '../../value-tracing/changes.ts';
import type { LeafPath } from '../../value-tracing/leaves.ts';
import { type CrdVersion, crdManifests, findCrdVersion } from './crd.ts';
import { type SchemaViolation, type StructuralSchema, schemaViolations } from './structural-schema.ts';

/** Beginning of a refusal that comes from a CRD and not from the chart. */
export const CLUSTER_REFUSAL = 'the cluster would reject';

/** Validates custom resources against the CRDs that the chart includes. */
export interface CrdValidator {
  /**
   * Checks renders.
   * @throws AirgapError `chart-render`, like the chart's own errors, for a resource that violates its CRD
   */
  readonly check: (renders: readonly Render[]) => Promise<void>;
  /** Returns the schema of a field, once such a resource was checked; undefined if unknown. */
  readonly schemaAt: (object: RenderedDocument['object'], path: LeafPath) => StructuralSchema | undefined;
  /** All violations found so far, one per field. */
  readonly violations: () => readonly CrdViolation[];
  /** The kinds of changed resources that were not checked, because their definition cannot be read. */
  readonly unchecked: () => readonly NotKnown[];
}

/**
 * Creates a validator for custom resources changed by overrides. The CRDs come from the chart's `crds` folders and
 * templates, and are read when the first custom resource changes.
 * @param before renders without overrides
 */
export function createCrdValidator(renderer: Renderer, before: readonly RenderOutput[]): CrdValidator {
  const violations = new Map<string, CrdViolation>();
  const versions = new Map<string, ReturnType<typeof findCrdVersion>>();
  let reading: Promise<string[]> | undefined;
  const readManifests = async (): Promise<string[]> => {
    const files = await readChartFiles(renderer.chart.archive, IN_CRDS_FOLDER);
    const rendered = before.flatMap(({ documents }) => documents.map(({ text }) => text));
    return [...new Set([...crdManifests([...files.values()]), ...crdManifests(rendered)])];
  };
  let findVersion: FindVersion = () => undefined;
  const check = async (renders: readonly Render[]): Promise<void> => {
    if (!changesCustomResources(before, renders)) return;
    reading ??= readManifests();
    const manifests = await reading;
    if (manifests.length === 0) return;
    findVersion = (apiVersion, kind) => {
      const key = `${apiVersion} ${kind}`;
      if (!versions.has(key)) versions.set(key, findCrdVersion(manifests, apiVersion, kind));
      const found = versions.get(key);
      return found === 'unread' ? undefined : found;
    };
    const newViolations = newCrdViolations(before, renders, findVersion);
    for (const violation of newViolations)
      violations.set([violation.template, violation.kind, violation.name, violation.field].join('\n'), violation);
    if (newViolations[0] === undefined) return;
    const { kind, name, field, message } = newViolations[0];
    throw new AirgapError('chart-render', `${CLUSTER_REFUSAL} ${kind} ${name}: ${field} ${message}`);
  };
  const schemaAt: CrdValidator['schemaAt'] = (object, path) => {
    const schema = findVersion(String(object?.apiVersion), String(object?.kind))?.schemaAt(path);
    return schema === 'any' ? undefined : schema;
  };
  const unchecked = (): NotKnown[] =>
    [...versions].flatMap(([name, version]): NotKnown[] =>
      version === 'unread'
        ? [{ state: 'not-known', what: 'definition', name, chart: renderer.chart.metadata.name, why: UNREAD }]
        : [],
    );
  return { check, schemaAt, violations: () => [...violations.values()], unchecked };
}

type FindVersion = (apiVersion: string, kind: string) => CrdVersion | undefined;

const UNREAD = 'its definition cannot be read, so it is not checked that the cluster accepts the changed resources';

/** Field of a custom resource that violates its CRD with the overrides and not without them. */
interface CrdViolation {
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
function changesCustomResources(before: readonly RenderOutput[], after: readonly RenderOutput[]): boolean {
  return changedCustomResources(before, after).some(({ documents }) => documents.length > 0);
}

/** Returns violations in changed custom resources, without those that were there before. */
function newCrdViolations(
  before: readonly RenderOutput[],
  after: readonly RenderOutput[],
  findVersion: FindVersion,
): CrdViolation[] {
  const pairs = changedCustomResources(before, after);
  const objects = new Map(
    pairs.flatMap(({ documents }, render) =>
      documents.map((document) => [renderedDocumentKey(render, document.template, document.index), document]),
    ),
  );
  return changesBetween(
    before.map((_, i) => ({ documents: pairs[i]?.previous ?? [] })),
    pairs,
  ).flatMap((change) => {
    const { object } = objects.get(renderedDocumentKey(change.render, change.template, change.document)) ?? {};
    const { apiVersion, kind, metadata } = object ?? {};
    const crdVersion = findVersion(String(apiVersion), String(kind));
    if (object === undefined || crdVersion === undefined) return [];
    const { name = '' } = (metadata ?? {}) as { name?: unknown };
    return violationsOfChange(crdVersion, change, object).map(({ path, message }) => ({
      kind: String(kind),
      name: String(name),
      template: change.template,
      field: path,
      message,
    }));
  });
}

function violationsOfChange(
  crdVersion: CrdVersion,
  { path, before, after }: Change,
  object: object,
): SchemaViolation[] {
  if (/^(?:apiVersion|kind|metadata|status)$/.test(String(path[0]))) return [];
  // A new resource: the schema does not cover the fields common to all resources.
  const isWholeResource = path.length === 0;
  const value = isWholeResource ? { ...object, apiVersion: undefined, kind: undefined, metadata: undefined } : after;
  const schema = crdVersion.schemaAt(path);
  const field = formatPath(path);
  if (schema === 'any' || value === undefined) return [];
  // What the chart sets itself, the cluster drops or accepts with the overrides as without them.
  if (schema === undefined)
    return before === undefined ? [{ path: field, message: 'is not defined in the schema' }] : [];
  const previous = new Set((isWholeResource ? [] : schemaViolations(schema, before, field)).map(violationText));
  return schemaViolations(schema, value, field).filter((violation) => !previous.has(violationText(violation)));
}

function violationText({ path, message }: SchemaViolation): string {
  return `${path} ${message}`;
}

/**
 * Returns the documents of `after` that may be custom resources and whose text changed, with their previous versions.
 */
function changedCustomResources(
  before: readonly RenderOutput[],
  after: readonly RenderOutput[],
): { readonly documents: readonly RenderedDocument[]; readonly previous: readonly RenderedDocument[] }[] {
  return after.map(({ documents }, render) => {
    const previous = new Map(
      (before[render]?.documents ?? []).map((document) => [
        renderedDocumentKey(render, document.template, document.index),
        document,
      ]),
    );
    const previousVersionOf = ({ template, index }: RenderedDocument) =>
      previous.get(renderedDocumentKey(render, template, index));
    const changed = documents.filter(
      (document) => previousVersionOf(document)?.text !== document.text && isCustom(document),
    );
    return { documents: changed, previous: changed.flatMap((document) => previousVersionOf(document) ?? []) };
  });
}

/** Parses the document only if the API version does not show in its first lines. */
function isCustom(document: RenderedDocument): boolean {
  const apiVersion = typeMetaOf(document)?.apiVersion ?? String(document.object?.apiVersion ?? '');
  return apiVersion.includes('/') && !BUILT_IN.test(apiVersion);
}

function renderedDocumentKey(render: number, template: string, index: number): string {
  return `${render}\n${documentKey(template, index)}`;
}
