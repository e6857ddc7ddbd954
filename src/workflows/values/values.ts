import { join } from 'node:path';
import { type AirgapError, asAirgapError } from '../../base/errors.ts';
import { runStep } from '../../base/step.ts';
import { type OpenOptions, openCheckedBundle } from '../../bundle/open.ts';
import type { Bundle } from '../../bundle/reading/bundle.ts';
import { type Chart, fetchChart, titleOf } from '../../helm/fetch.ts';
import { Helm } from '../../helm/helm.ts';
import { Renderer, type Values } from '../../helm/render.ts';
import type { BundledProfile } from '../../inventory/values-origin.ts';
import { formatTarget, type Target } from '../../naming/naming.ts';
import {
  checkReadBack,
  copiedUserValues,
  formatOverrides,
  formatPostRenderMap,
  HOOKS_HINT,
  type OverrideOptions,
  overrideChart,
  overridesHeader,
  type Proof,
  type TemplateChange,
  type UnmappedHandling,
  type UnmappedReference,
} from '../../overrides/index.ts';
import type { OnPurpose, ReferenceDecisions } from '../../search/reference-decisions.ts';
import type { Profile, SearchOptions } from '../../search/search-render.ts';
import { type Context, withScratch } from '../../session/context.ts';
import type { SignaturePolicy } from '../bundle/signature-policy.ts';
import { compareWithBundle, type DerivedChart, type UncoveredImages } from './bundle-coverage.ts';
import type { BundledChart } from './bundled-charts.ts';
import { bundledDigests, decisionsFor, missingFromBundle, warnUnusedAllowed } from './bundled-images.ts';
import { checkNameCollisions } from './name-collisions.ts';
import { listRequestedCharts, type ReferenceSources, type RequestedCharts } from './requested-charts.ts';

/** Options for deriving overrides. */
export interface ValuesOptions
  extends RequestedCharts,
    Pick<OpenOptions, 'signers'>,
    Pick<SearchOptions, 'rules' | 'chartSources'>,
    Pick<OverrideOptions, 'inject' | 'operatorDefaults' | 'prove'> {
  readonly bundle: string | undefined;
  /** Images of manifests, lists or the bundle, in place of charts; for formats that need no values. */
  readonly sources?: ReferenceSources | undefined;
  readonly target: Target;
  /** Images that stay public on purpose. */
  readonly onPurpose?: OnPurpose | undefined;
  /** Handling of unmapped references (post-render map or repacked chart), and the name of that file. */
  readonly unmappedHandling?: {
    readonly how: 'post-render' | 'repack';
    /** Called with all charts before the first file is named. */
    readonly expect: (charts: readonly { readonly chart: string; readonly version: string }[]) => void;
    readonly fileName: (chart: string, version: string, profile: string) => string;
  };
  /** Name of the image pull secret for pods. */
  readonly pullSecret?: string;
  /** Pods without it are accepted. */
  readonly acceptsWithoutPullSecret?: boolean;
  /** Pin references to the bundle's digests where the chart allows it. */
  readonly pin?: boolean;
  /** Required signatures, for formats of policies. */
  readonly signatures?: SignaturePolicy | undefined;
}

/** Proved overrides of one chart. */
export interface Overrides {
  readonly chart: string;
  readonly version: string;
  readonly profile: string;
  readonly overrides: Values;
  /** Overrides as commented YAML, for `helm -f`. */
  readonly yaml: string;
  readonly proof: Proof;
  /** Paths of override values that also copy other content of the user's values. */
  readonly copied: readonly string[];
  /** References of the chart with these values that must become private, or are. */
  readonly references: readonly string[];
  /** Required references that the bundle lacks unexpectedly; empty without a bundle. */
  readonly notInBundle: readonly string[];
  /** References bundled for the chart that none of its overrides need. */
  readonly moreInBundle?: UncoveredImages;
  /** Profiles of the bundle, of any version of the chart, without overrides. */
  readonly otherProfiles?: readonly BundledProfile[];
  /** Post-render map that the overrides require; the proof then covers both. */
  readonly postRenderMap?: PostRenderMapFile;
  /** Repacked chart that the overrides require; the proof then covers both. */
  readonly changedChart?: ChangedChart;
}

/** Chart archive with changed templates. */
interface ChangedChart {
  readonly name: string;
  readonly archive: Buffer;
  readonly changes: readonly TemplateChange[];
}

/** Post-render map as a file. */
interface PostRenderMapFile {
  readonly name: string;
  readonly text: string;
  readonly entries: number;
  /** Unmapped references in hooks, which the installed Helm does not pass to post-renderers. */
  readonly inHooks: readonly UnmappedReference[];
  /** Advice for references in hooks. */
  readonly hint: string;
}

/** Derives the overrides of one chart, or of all charts of a bundle, and proves them by rendering. */
export async function values(context: Context, options: ValuesOptions): Promise<Overrides[]> {
  const source =
    options.bundle === undefined
      ? undefined
      : await openCheckedBundle(options.bundle, { signers: options.signers, emit: context.emit });
  try {
    return await overridesOf(context, source, options);
  } finally {
    await source?.close();
  }
}

/** A chart and profile whose overrides could not be derived. */
export interface FailedOverrides {
  readonly chart: string;
  readonly version: string;
  readonly profile: string;
  readonly error: AirgapError;
}

/**
 * Derives overrides as {@link values} does, with charts of an open bundle.
 * @param onFailure called in place of an error about one chart of the bundle; without it, the first error ends the work
 */
export function overridesOf(
  context: Context,
  source: Bundle | undefined,
  options: Omit<ValuesOptions, 'bundle' | 'signers'>,
  onFailure?: (failed: FailedOverrides) => void,
): Promise<Overrides[]> {
  return withScratch(context, async (scratch) => {
    const helm = new Helm(context);
    const decisions = decisionsFor(context, options, source);
    const results: Overrides[] = [];
    const derived: DerivedChart[] = [];
    const fetched: { bundled: BundledChart; chart: Chart; profile: Profile; folder: string }[] = [];
    const orFailure = async (bundled: BundledChart, profile: Profile, work: () => Promise<void>): Promise<void> => {
      try {
        await work();
      } catch (cause) {
        const error = asAirgapError(cause);
        if (onFailure === undefined || error.code === 'interrupted') throw cause;
        onFailure({ chart: bundled.name, version: bundled.version, profile: profile.name, error });
      }
    };
    for (const { chart: bundled, profile } of await listRequestedCharts(source, options, scratch)) {
      const folder = join(scratch, `overrides-${fetched.length}`);
      await orFailure(bundled, profile, async () => {
        const chart = await fetchChart(helm, bundled.request, folder, context.cwd, options.chartSources);
        fetched.push({ bundled, chart, profile, folder });
      });
    }
    options.unmappedHandling?.expect(fetched.map(({ chart: { metadata } }) => ({ ...metadata, chart: metadata.name })));
    for (const { bundled, chart, profile, folder } of fetched) {
      await orFailure(bundled, profile, async () => {
        const result = await deriveOverrides(
          context,
          helm,
          chart,
          bundled,
          { ...options, profile, decisions },
          folder,
          source,
        );
        results.push(result);
        derived.push({ ...result, profile });
      });
    }
    warnUnusedAllowed(context.emit, decisions);
    if (source === undefined) return results;
    const coversBundle = options.request === undefined;
    const uncovered = compareWithBundle(source, derived, options.target, coversBundle, context.emit);
    return results.map((result) => {
      const { images: moreInBundle, profiles = [] } = uncovered.get(result.chart) ?? {};
      return {
        ...result,
        ...(moreInBundle && { moreInBundle }),
        ...(profiles.length > 0 && { otherProfiles: profiles }),
      };
    });
  });
}

async function deriveOverrides(
  context: Context,
  helm: Helm,
  chart: Chart,
  { recipes, operands }: BundledChart,
  options: Omit<ValuesOptions, 'bundle' | 'signers'> & {
    readonly profile: Profile;
    readonly decisions: ReferenceDecisions;
  },
  folder: string,
  source: Bundle | undefined,
): Promise<Overrides> {
  const {
    target,
    profile,
    decisions,
    rules = [],
    unmappedHandling,
    pullSecret,
    acceptsWithoutPullSecret,
    pin,
    ...how
  } = options;
  const { prove, inject, operatorDefaults } = how;
  const { name, version } = chart.metadata;
  const renderer = new Renderer(helm, chart, join(folder, 'render'));
  const derived = await overrideChart(renderer, profile, target, {
    ...{ rules, recipes, operands, decisions, prove, inject, operatorDefaults },
    emit: context.emit,
    additions: {
      pullSecret,
      acceptsWithoutPullSecret,
      digests: pin && source !== undefined ? bundledDigests(source, target) : undefined,
    },
    unmappedHandling: unmappedHandling && (await toUnmappedHandling(unmappedHandling.how, helm, folder)),
  });
  const { base, settings, overrides, proof, references, postRender, repacked } = derived;
  const { entries = [], inHooks = [], pullSecret: addedPullSecret } = postRender ?? {};
  const file = unmappedHandling?.fileName(name, version, profile.name) ?? '';
  const proven = { chart: name, version, proof };
  const header = overridesHeader(proven, target, { name: file, postRender, changes: repacked?.changes ?? [] });
  const yaml = formatOverrides(header, base, settings);
  await runStep(context.emit, `reading back the overrides of ${titleOf(chart)}`, () =>
    checkReadBack(renderer, profile.options, overrides, yaml),
  );
  checkNameCollisions(target, references, context.emit, source);
  const notInBundle = source === undefined ? [] : missingFromBundle(source, references, decisions, context.emit);
  const copied = copiedUserValues(base, overrides, profile.options);
  const result = {
    chart: name,
    version,
    profile: profile.name,
    overrides,
    yaml,
    proof,
    references,
    copied,
    notInBundle,
  };
  if (repacked?.archive !== undefined) {
    return { ...result, changedChart: { name: file, archive: repacked.archive, changes: repacked.changes } };
  }
  if (postRender === undefined) return result;
  const text = formatPostRenderMap({
    chart: name,
    version,
    target: formatTarget(target),
    entries,
    pullSecret: addedPullSecret,
  });
  return {
    ...result,
    postRenderMap: {
      name: file,
      text,
      entries: entries.length + (addedPullSecret?.pods.length ?? 0),
      inHooks,
      hint: HOOKS_HINT,
    },
  };
}

async function toUnmappedHandling(
  how: 'post-render' | 'repack',
  helm: Helm,
  folder: string,
): Promise<UnmappedHandling> {
  if (how === 'repack') return { how, folder: join(folder, 'repack') };
  return { how, hooks: (await helm.major()) >= 4 };
}
