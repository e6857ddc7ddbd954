import { crossCheckImages } from '../discovery/cross-check.ts';
import { declaredReferences, withoutContradictions } from '../discovery/declared/index.ts';
import {
  crdDocuments,
  demoteValuesCopies,
  discoverReferences,
  imageLeaves,
  tracedReferences,
} from '../discovery/index.ts';
import { type NestedChart, nestedCharts } from '../discovery/nested/index.ts';
import { type NetworkNeed, networkNeeds } from '../discovery/network/index.ts';
import {
  applyRules,
  builtInRules,
  notKnownOperators,
  type OperatorContainer,
  operatorContainers,
  type Rule,
} from '../discovery/rules/index.ts';
import type { ChartSources } from '../helm/chart-mirrors.ts';
import type { Render, Renderer, RenderOptions, Values } from '../helm/render.ts';
import { subchartsOf } from '../helm/subcharts.ts';
import type { LocatedReference } from '../inventory/finding.ts';
import type { NotKnown } from '../inventory/state.ts';
import type { ManifestSource } from '../manifests/index.ts';
import { type InitialProbe, probeReferences } from '../recipe/recipe.ts';
import { type NameSegment, segmentPath, segmentsOf } from '../value-tracing/name-segments.ts';
import { referenceTemplatesOf } from '../value-tracing/probe.ts';
import type { SelectionOptions } from './selection.ts';
import { unexplainedNames } from './swept-names.ts';

/** A named set of render options. */
export interface Profile {
  readonly name: string;
  readonly options: RenderOptions;
}

/** Results of one render of a chart. */
export interface RenderFindings {
  readonly references: readonly LocatedReference[];
  readonly nested: readonly NestedChart[];
  /** Content other than images that the workloads fetch from the internet. */
  readonly network: readonly NetworkNeed[];
  /** What was not understood, and may hide images. */
  readonly notKnown: readonly NotKnown[];
  /** Containers whose images may choose further ones; empty unless requested. */
  readonly operators: readonly OperatorContainer[];
  /** The probe that traced the values, if they were traced. */
  readonly initialProbe?: InitialProbe;
}

/** Options of the search, for named and nested charts. */
export interface SearchOptions extends Pick<SelectionOptions, 'exclude'> {
  /** Manifests to search beside the named charts. */
  readonly manifests?: readonly ManifestSource[];
  /** Access to chart repositories; their own addresses by default. */
  readonly chartSources?: ChartSources;
  /** Searches nested charts too (default true); `exclude` names those to leave out. */
  readonly nestedCharts?: boolean;
  /** Operator rules in addition to the built-in ones. */
  readonly rules?: readonly Rule[];
  /** Searches for containers that may create pods. */
  readonly operators?: boolean;
  /** Also searches disabled components, with additional renders. */
  readonly whatIf?: boolean;
  /** Adds the values path that disables each network need, with additional renders. */
  readonly networkSwitches?: boolean;
  /**
   * Records how values build the references, so that overrides need no probing later; with `as-written`, only how values that
   * are set build them, so that values files can be edited.
   */
  readonly recipes?: boolean | 'as-written';
}

/**
 * Collects the references of a render: in its documents, from operator rules, and declared by the chart.
 * @param traced traces values to the references that they build, with one additional render
 * @throws AirgapError `disagreement` if two readings of a document differ
 */
export async function searchRender(
  renderer: Renderer,
  base: Render,
  { name, options }: Profile,
  { rules = [], operators = false }: SearchOptions,
  traced: boolean,
): Promise<RenderFindings> {
  const { metadata } = renderer.chart;
  const context = { chart: metadata.name, profile: name };
  const { documents, values } = base;
  const discovered = discoverReferences(documents, context);
  crossCheckImages(documents, discovered);
  const found = demoteValuesCopies(discovered, values);
  const tracing = traced ? await traceValues(renderer, options, base, found, context) : undefined;
  const references = tracing?.references ?? found;
  const crds = await renderer.crds();
  const allRules = [...builtInRules, ...rules];
  const known = [
    ...references,
    ...discoverReferences(crdDocuments(metadata.name, crds), context),
    ...applyRules(allRules, { metadata, documents, references, context }),
  ];
  const files = await renderer.sourceFiles();
  const declared = declaredReferences({ metadata, files, values, context });
  return {
    initialProbe: tracing?.initialProbe,
    references: withSubcharts([...known, ...withoutContradictions(declared, known)], files),
    nested: nestedCharts(documents, values),
    network: networkNeeds(documents, context),
    notKnown: [
      ...notKnownOperators(allRules, { metadata, documents, references: known, context, crds }),
      ...unexplainedNames(documents, known, context),
    ],
    operators: operators ? operatorContainers(documents, references, crds.size > 0) : [],
  };
}

function withSubcharts(
  references: readonly LocatedReference[],
  files: ReadonlyMap<string, string>,
): LocatedReference[] {
  const templates = new Set(references.map(({ template }) => template));
  const known = new Map([...templates].map((template) => [template, subchartsOf(files, template)]));
  return references.map((reference) => {
    const subcharts = known.get(reference.template) ?? [];
    return subcharts.length === 0 ? reference : { ...reference, subcharts };
  });
}

/**
 * Traces values with one marked render. Adds to each reference the values paths that build it, and returns further
 * references where only the trace found an image leaf.
 */
async function traceValues(
  renderer: Renderer,
  options: RenderOptions,
  base: Render,
  found: readonly LocatedReference[],
  context: { readonly chart: string; readonly profile: string },
): Promise<{ readonly references: LocatedReference[]; readonly initialProbe: InitialProbe }> {
  const written = [...new Set(found.map((reference) => reference.written))];
  const render = (overrides: Values): Promise<Render> => renderer.render(options, overrides);
  const initialProbe = await probeReferences(base, written, render, {
    extraSegments: (segments) => untracedImages(base, segments),
  });
  const { probed } = initialProbe;
  const references = referenceTemplatesOf(found, base, probed).map((referenceTemplates, i) => {
    const reference = found[i] as LocatedReference;
    const paths = referenceTemplates
      .flat()
      .flatMap((part) => (part.kind === 'segment' ? [segmentPath(part.segment)] : []));
    return paths.length === 0 ? reference : { ...reference, values: [...new Set(paths)] };
  });
  return { references: [...references, ...tracedReferences(base, probed, references, context)], initialProbe };
}

/** Returns image leaves outside the given segments whose text occurs in the render. */
export function untracedImages({ documents, values }: Render, segments: readonly NameSegment[]): NameSegment[] {
  const seen = new Set(segments.map(segmentPath));
  return imageLeaves(values)
    .flatMap((leaf) => segmentsOf(leaf, [leaf.value]))
    .filter(
      (segment) => !seen.has(segmentPath(segment)) && documents.some(({ text }) => text.includes(segment.leaf.value)),
    );
}
