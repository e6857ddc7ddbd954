import { AirgapError } from '../base/errors.ts';
import { IN_CRDS_FOLDER, readChartFiles } from '../helm/chart-files.ts';
import type { RenderedDocument } from '../helm/documents.ts';
import type { Render, Renderer } from '../helm/render.ts';
import type { RenderOutput } from '../value-tracing/changes.ts';
import type { LeafPath } from '../value-tracing/leaves.ts';
import type { CrdVersion } from './crd.ts';
import { type CrdViolation, changesCustomResources, newCrdViolations } from './crd-violations.ts';
import { CLUSTER_REFUSAL } from './reasons.ts';
import type { StructuralSchema } from './structural-schema.ts';

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
}

/**
 * Creates a validator for custom resources changed by overrides. The CRDs come from the chart's `crds` folders and
 * templates, and are read when the first custom resource changes.
 * @param before renders without overrides
 */
export function createCrdValidator(renderer: Renderer, before: readonly RenderOutput[]): CrdValidator {
  const violations = new Map<string, CrdViolation>();
  const versions = new Map<string, CrdVersion | undefined>();
  let reading: Promise<string[]> | undefined;
  const readManifests = async (): Promise<string[]> => {
    const { crdManifests } = await import('./crd.ts');
    const files = await readChartFiles(renderer.chart.archive, IN_CRDS_FOLDER);
    const rendered = before.flatMap(({ documents }) => documents.map(({ text }) => text));
    return [...new Set([...crdManifests([...files.values()]), ...crdManifests(rendered)])];
  };
  let findVersion: (apiVersion: string, kind: string) => CrdVersion | undefined = () => undefined;
  const check = async (renders: readonly Render[]): Promise<void> => {
    if (!changesCustomResources(before, renders)) return;
    reading ??= readManifests();
    const manifests = await reading;
    if (manifests.length === 0) return;
    const { findCrdVersion } = await import('./crd.ts');
    findVersion = (apiVersion, kind) => {
      const key = `${apiVersion} ${kind}`;
      if (!versions.has(key)) versions.set(key, findCrdVersion(manifests, apiVersion, kind));
      return versions.get(key);
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
  return { check, schemaAt, violations: () => [...violations.values()] };
}
