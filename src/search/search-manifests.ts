import type { KindField } from '../base/field-path.ts';
import { runStep } from '../base/step.ts';
import { checkContainerImages, crossCheckImages, malformedImages } from '../discovery/cross-check.ts';
import { discoverReferences } from '../discovery/index.ts';
import { nestedCharts } from '../discovery/nested/index.ts';
import { networkNeeds } from '../discovery/network/index.ts';
import { applyRules, builtInRules, notKnownOperators, operatorContainers } from '../discovery/rules/index.ts';
import type { RenderedDocument } from '../helm/documents.ts';
import { type ManifestSource, readManifests } from '../manifests/index.ts';
import type { Context } from '../session/context.ts';
import { configuredFields, withConfiguredImages } from './configured-images.ts';
import type { NestedChartJob } from './nested.ts';
import type { SearchOptions } from './search-render.ts';
import type { SearchedManifests } from './search-result.ts';
import { unexplainedNames } from './swept-names.ts';

/** Profile of locations in manifests: they are applied as they are. */
const PROFILE = '';

/** What is in manifests. */
export interface ManifestSearch {
  readonly searched: SearchedManifests;
  readonly documents: readonly RenderedDocument[];
  /** Fields that a kustomization adds to the image transformer. */
  readonly imageFields: readonly KindField[];
  readonly nestedJobs: NestedChartJob[];
}

/**
 * Reads manifests, and collects the references in them as in the render of a chart.
 * @throws AirgapError errors of reading them; `chart-invalid` for invalid container images; `disagreement` if two readings
 *   of a document differ
 */
export async function searchManifests(
  context: Context,
  source: ManifestSource,
  { rules: given = [], operators = false }: SearchOptions,
): Promise<ManifestSearch> {
  const { emit } = context;
  const { name } = source;
  const title = source.kind === 'kustomize' ? `building ${name}` : `reading ${name}`;
  return runStep(emit, title, async () => {
    const documents = await readManifests(context, source);
    checkContainerImages(documents, 'mend the manifest: Kubernetes refuses it');
    for (const problem of malformedImages(documents)) emit({ type: 'warning', message: problem });
    const location = { chart: name, profile: PROFILE };
    const discovered = discoverReferences(documents, location);
    crossCheckImages(documents, discovered);
    const { own, ofBases } = await configuredFields(source);
    const found = withConfiguredImages(discovered, documents, [...own, ...ofBases], location);
    const rules = [...builtInRules, ...given];
    const input = { metadata: { name, version: '' }, documents, references: found, context: location };
    const references = [...found, ...applyRules(rules, input)];
    const profile = { name: PROFILE, options: {} };
    const parents = [{ metadata: input.metadata }];
    return {
      searched: {
        source,
        references,
        network: networkNeeds(documents, location),
        notKnown: [
          ...notKnownOperators(rules, { ...input, references, crds: new Map() }),
          ...unexplainedNames(documents, references, location),
        ],
        operators: operators ? operatorContainers(documents, found, false) : [],
      },
      documents,
      imageFields: own,
      nestedJobs: nestedCharts(documents, {}).map((nested) => ({ nested, profile, parents })),
    };
  });
}
