import { join } from 'node:path';
import { openForUse } from '../bundle/open.ts';
import type { Bundle } from '../bundle/read.ts';
import type { Rule } from '../discovery/rules/index.ts';
import { type ChartSources, UPSTREAM } from '../helm/chart-mirrors.ts';
import { type Chart, fetchChart } from '../helm/fetch.ts';
import { Helm } from '../helm/helm.ts';
import { Renderer, type Values } from '../helm/render.ts';
import { formatTarget, type Target } from '../oci/naming.ts';
import type { SigningKey } from '../oci/signing-key.ts';
import { completionNotes } from '../overrides/completion-notes.ts';
import { copiedWhole } from '../overrides/copied.ts';
import { formatOverrides } from '../overrides/document.ts';
import { formatMap } from '../overrides/post-render-map.ts';
import type { Proof, Residue } from '../overrides/proof.ts';
import { changedChartNotes, HOOKS_HINT, postRenderNotes, residueNote } from '../overrides/residue-notes.ts';
import type { TemplateChange } from '../overrides/template-edits.ts';
import { type Beyond, compareWithBundle, type Derived } from './bundling/bundled-beyond.ts';
import type { BundledChart } from './bundling/bundled-charts.ts';
import { bundledDigests } from './bundling/bundled-digests.ts';
import { notIn } from './bundling/bundled-images.ts';
import { type Context, withScratch } from './context.ts';
import { type Asked, askedFor } from './overriding/asked-charts.ts';
import { type OverrideOptions, overrideChart } from './overriding/override-chart.ts';
import { checkReadBack } from './overriding/read-back.ts';
import { checkSharedNames } from './overriding/shared-names.ts';
import type { Profile } from './search/search-render.ts';

/** Options for deriving overrides. */
export interface ValuesOptions extends Asked {
  readonly bundle: string | undefined;
  /** Public key that must have signed the bundle. */
  readonly signer?: SigningKey['publicKey'] | undefined;
  readonly target: Target;
  /** Operator rules in addition to the built-in ones. */
  readonly rules?: readonly Rule[];
  /** Add variables or arguments to operators, through values, to move their operands (default: true). */
  readonly inject?: boolean;
  /** Include operators' default images for user-created resources (default: true). */
  readonly operatorDefaults?: boolean;
  /** Prove the overrides by rendering with them (default: true). */
  readonly prove?: boolean;
  /** Chart repositories and mirrors. */
  readonly chartSources?: ChartSources;
  /** Handling of unmapped references (post-render map or repacked chart), and the name of that file. */
  readonly residue?: {
    readonly how: 'post-render' | 'repack';
    /** Called with all charts before the first file is named. */
    readonly expect: (charts: readonly { readonly chart: string; readonly version: string }[]) => void;
    readonly fileName: (chart: string, version: string, profile: string) => string;
  };
  /** Name of the image pull secret for pods. */
  readonly pullSecret?: string;
  /** Pin references to the bundle's digests where the chart allows it. */
  readonly pin?: boolean;
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
  /** All references of the chart with these values, private or not. */
  readonly references: readonly string[];
  /** Required references missing from the bundle and not excluded on purpose; empty without a bundle. */
  readonly notInBundle: readonly string[];
  /** References bundled for the chart that none of its overrides need. */
  readonly beyond?: Beyond;
  /** Post-render map that the overrides require; the proof then covers both. */
  readonly residueMap?: ResidueMap;
  /** Repacked chart that the overrides require; the proof then covers both. */
  readonly changedChart?: ChangedChart;
}

/** Chart archive with changed templates. */
export interface ChangedChart {
  readonly name: string;
  readonly archive: Buffer;
  readonly changes: readonly TemplateChange[];
}

/** Post-render map as a file. */
export interface ResidueMap {
  readonly name: string;
  readonly text: string;
  readonly entries: number;
  /** Unmapped references in hooks, which the installed Helm does not pass to post-renderers. */
  readonly hidden: readonly Residue[];
  /** Advice for references in hooks. */
  readonly hint: string;
}

/** Derives the overrides of one chart, or of all charts of a bundle, and proves them by rendering. */
export function values(context: Context, options: ValuesOptions): Promise<Overrides[]> {
  return withScratch(context, async (scratch) => {
    const helm = new Helm(context);
    const source = options.bundle === undefined ? undefined : await openForUse(options.bundle, options);
    try {
      const results: Overrides[] = [];
      const derived: Derived[] = [];
      const fetched: { bundled: BundledChart; chart: Chart; profile: Profile; folder: string }[] = [];
      for (const { chart: bundled, profile } of await askedFor(source, options, scratch)) {
        const folder = join(scratch, `overrides-${fetched.length}`);
        const chart = await fetchChart(helm, bundled.request, folder, context.cwd, options.chartSources ?? UPSTREAM);
        fetched.push({ bundled, chart, profile, folder });
      }
      options.residue?.expect(fetched.map(({ chart: { metadata } }) => ({ ...metadata, chart: metadata.name })));
      for (const { bundled, chart, profile, folder } of fetched) {
        const result = await overridesOf(context, helm, chart, bundled, { ...options, profile }, folder, source);
        results.push(result);
        derived.push({ ...result, profile });
      }
      if (source === undefined) return results;
      const isWhole = options.request === undefined;
      const beyond = compareWithBundle(source, derived, options.target, isWhole, context.emit);
      return results.map((result) => {
        const more = beyond.get(result.chart);
        return more === undefined ? result : { ...result, beyond: more };
      });
    } finally {
      await source?.close();
    }
  });
}

async function overridesOf(
  context: Context,
  helm: Helm,
  chart: Chart,
  { recipes, operands }: BundledChart,
  options: ValuesOptions & { readonly profile: Profile },
  folder: string,
  source: Bundle | undefined,
): Promise<Overrides> {
  const {
    target,
    profile,
    rules = [],
    residue,
    pullSecret,
    pin = false,
    prove = true,
    inject = true,
    operatorDefaults = true,
  } = options;
  const { name, version } = chart.metadata;
  context.emit({ type: 'stage', message: `deriving overrides for ${name} ${version}` });
  const renderer = new Renderer(helm, chart, join(folder, 'render'));
  const done = await overrideChart(renderer, profile, target, {
    rules,
    emit: context.emit,
    recipes,
    operands,
    prove,
    inject,
    operatorDefaults,
    completion: {
      ...(pullSecret === undefined ? {} : { pullSecret }),
      ...(pin && source !== undefined ? { digests: bundledDigests(source, target) } : {}),
    },
    ...(residue === undefined ? {} : { residue: await meansOf(residue.how, helm, folder) }),
  });
  const { base, settings, overrides, proof, references, postRender, repacked } = done;
  const { entries = [], hidden = [], pullSecret: added } = postRender ?? {};
  const file = residue?.fileName(name, version, profile.name) ?? '';
  const header = [
    `Overrides for chart ${name} ${version}, target ${formatTarget(target)}.`,
    proof.skipped
      ? `Not proved (--no-proof): it was not checked that all ${proof.references} references are private.`
      : `Proved by rendering: ${proof.rewritten} of ${proof.references} references are private.`,
    ...postRenderNotes(file, entries, added?.pods),
    ...changedChartNotes(file, repacked?.changes ?? []),
    ...proof.residue.map((residue) => residueNote(residue, hidden)),
    ...completionNotes(proof),
  ];
  const yaml = formatOverrides(header, base, settings);
  await checkReadBack(renderer, profile.options, overrides, yaml);
  checkSharedNames(target, references, context.emit, source);
  const notInBundle = source === undefined ? [] : notIn(source, references, context.emit);
  const copied = copiedWhole(base, overrides, profile.options);
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
  const text = formatMap({
    chart: name,
    version,
    target: formatTarget(target),
    entries,
    ...(added && { pullSecret: added }),
  });
  return {
    ...result,
    residueMap: { name: file, text, entries: entries.length + (added?.pods.length ?? 0), hidden, hint: HOOKS_HINT },
  };
}

async function meansOf(how: 'post-render' | 'repack', helm: Helm, folder: string): Promise<OverrideOptions['residue']> {
  if (how === 'repack') return { how, folder: join(folder, 'repack') };
  return { how, hooks: (await helm.major()) >= 4 };
}
