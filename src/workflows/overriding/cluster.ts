import { AirgapError } from '../../base/errors.ts';
import { chartFiles, DEFINITIONS } from '../../helm/chart-files.ts';
import type { RenderedDocument } from '../../helm/documents.ts';
import type { Render, Renderer } from '../../helm/render.ts';
import type { Documents } from '../../influence/changes.ts';
import type { LeafPath } from '../../influence/leaves.ts';
import { type ClusterRefusal, clusterRefusals, touchesCustom } from '../../overrides/cluster-check.ts';
import type { Definition } from '../../overrides/definition.ts';
import { CLUSTER } from '../../overrides/reasons.ts';
import type { Schema } from '../../overrides/structural.ts';

/** Validates custom resources against the CRDs that the chart includes. */
export interface Cluster {
  /**
   * Checks renders.
   * @throws AirgapError `chart-render`, like the chart's own errors, for a resource that violates its CRD
   */
  readonly check: (renders: readonly Render[]) => Promise<void>;
  /** Returns the schema of a field, once such a resource was checked; undefined if unknown. */
  readonly schemaAt: (object: RenderedDocument['object'], path: LeafPath) => Schema | undefined;
  /** All violations found so far, one per field. */
  readonly refusals: () => readonly ClusterRefusal[];
}

/**
 * Creates a validator for custom resources changed by overrides. The CRDs come from the chart's `crds` folders and
 * templates, and are read when the first custom resource changes.
 * @param before renders without overrides
 */
export function clusterOf(renderer: Renderer, before: readonly Documents[]): Cluster {
  const seen = new Map<string, ClusterRefusal>();
  const known = new Map<string, Definition | undefined>();
  let texts: Promise<string[]> | undefined;
  const read = async (): Promise<string[]> => {
    const { definitionTexts } = await import('../../overrides/definition.ts');
    const files = await chartFiles(renderer.chart.archive, DEFINITIONS);
    const rendered = before.flatMap(({ documents }) => documents.map(({ text }) => text));
    return [...new Set([...definitionTexts([...files.values()]), ...definitionTexts(rendered)])];
  };
  let definitionOf: (apiVersion: string, kind: string) => Definition | undefined = () => undefined;
  const check = async (renders: readonly Render[]): Promise<void> => {
    if (!touchesCustom(before, renders)) return;
    texts ??= read();
    const definitions = await texts;
    if (definitions.length === 0) return;
    const { definitionFor } = await import('../../overrides/definition.ts');
    definitionOf = (apiVersion, kind) => {
      const key = `${apiVersion} ${kind}`;
      if (!known.has(key)) known.set(key, definitionFor(definitions, apiVersion, kind));
      return known.get(key);
    };
    const refused = clusterRefusals(before, renders, definitionOf);
    for (const one of refused) seen.set([one.template, one.kind, one.name, one.field].join('\n'), one);
    if (refused[0] === undefined) return;
    const { kind, name, field, message } = refused[0];
    throw new AirgapError('chart-render', `${CLUSTER} ${kind} ${name}: ${field} ${message}`);
  };
  const schemaAt: Cluster['schemaAt'] = (object, path) => {
    const schema = definitionOf(String(object?.apiVersion), String(object?.kind))?.schemaAt(path);
    return schema === 'any' ? undefined : schema;
  };
  return { check, schemaAt, refusals: () => [...seen.values()] };
}
