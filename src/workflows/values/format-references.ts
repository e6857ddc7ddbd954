import {
  formatContainerd,
  formatCrio,
  formatImageMap,
  formatK3s,
  formatKustomize,
  formatMirrorSet,
  formatTalos,
  type GeneratedFiles,
  imagesTitle,
} from '../../overrides/formats/index.ts';
import type { Context } from '../../session/context.ts';
import { bundledReferences, type NeededReferences, neededReferences } from './needed-references.ts';
import { sourceReferences } from './source-references.ts';
import type { ValuesOptions } from './values.ts';

/** Formats that map each reference to its target, independent of values. */
export type ReferenceFormat = 'kustomize' | 'map' | 'containerd' | 'k3s' | 'crio' | 'talos' | 'mirrorset';

/** Generated files, with the charts and references behind them. */
export interface FormatResult extends GeneratedFiles {
  /** Name and version of each chart; names of manifests. */
  readonly charts: readonly string[];
  /** Number of distinct references. */
  readonly references: number;
  /** Images that stay public on purpose; not among the references. */
  readonly allowed: NeededReferences['allowed'];
  /** What was not understood. */
  readonly notKnown: NeededReferences['notKnown'];
}

/**
 * Generates one of these formats for a chart and the charts that it installs, for manifests and lists of images, or for a whole bundle. Kustomize only
 * sees the chart's own manifests, so nested charts are not searched for it.
 */
export async function formatReferences(
  context: Context,
  format: ReferenceFormat,
  options: ValuesOptions & { readonly plainHttp: boolean },
): Promise<FormatResult> {
  const { target, bundle, request, sources, plainHttp } = options;
  if (format === 'kustomize') {
    const needed =
      sources === undefined
        ? await neededReferences(context, { ...options, nested: false })
        : await sourceReferences(context, { ...options, ...sources });
    const title = imagesTitle(needed.charts, target);
    return withFailures(formatKustomize(needed.locations, target, title), needed);
  }
  const isOfBundle = request === undefined && (sources?.manifests.length ?? 0) + (sources?.images.length ?? 0) === 0;
  const needed =
    bundle !== undefined && isOfBundle
      ? await bundledReferences(context, { ...options, bundle })
      : sources !== undefined
        ? await sourceReferences(context, { ...options, ...sources })
        : await neededReferences(context, { ...options, nested: true });
  const { charts, references } = needed;
  const formatted = (): GeneratedFiles => {
    if (format === 'map') return formatImageMap(references, target);
    if (format === 'containerd') return formatContainerd(references, target, { plainHttp });
    const title = imagesTitle(charts, target);
    if (format === 'k3s') return formatK3s(references, target, { plainHttp, title });
    if (format === 'crio') return formatCrio(references, target, { plainHttp, title });
    if (format === 'talos') return formatTalos(references, target, { plainHttp, title });
    return formatMirrorSet(references, target, { title, name: resourceName(request === undefined ? [] : charts) });
  };
  return withFailures(formatted(), needed);
}

/** Returns the name for cluster-wide resources: one per chart, and one for a bundle. */
function resourceName([chart = '']: readonly string[]): string {
  const name = `airgap-${chart.split(' ')[0]}`.toLowerCase().slice(0, 253);
  return name.replace(/[^a-z0-9.-]/g, '-').replace(/[.-]$/, '');
}

function withFailures(
  { files, left }: GeneratedFiles,
  { charts, references, failures, allowed, notKnown }: Omit<NeededReferences, 'locations'>,
): FormatResult {
  return { files, left: [...left, ...failures], charts, references: references.length, allowed, notKnown };
}
