import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { AirgapError } from '../base/errors.ts';
import { formatPath } from '../base/field-path.ts';
import { isMapping, overlayValues } from '../base/mapping.ts';
import { runStep } from '../base/step.ts';
import { readArchive } from '../helm/chart-archive.ts';
import {
  isChangedChart,
  UPSTREAM_DIGEST_ANNOTATION,
  UPSTREAM_MANIFEST_ANNOTATION,
  writeChangedChart,
} from '../helm/chart-edit.ts';
import { foldedKey } from '../helm/chart-metadata.ts';
import { type Chart, titleOf } from '../helm/fetch.ts';
import { readMapping } from '../helm/go-yaml.ts';
import type { Helm } from '../helm/helm.ts';
import { hasValues, NO_VALUES, Renderer, type Values } from '../helm/render.ts';
import { userValues } from '../helm/user-values.ts';
import { formatTarget, type Target } from '../naming/naming.ts';
import { type Digest, digestOf } from '../oci/digest.ts';
import type { Profile } from '../search/search-render.ts';
import { unlessRefused } from '../value-tracing/bisection.ts';
import { buildOverlay, type LeafPath } from '../value-tracing/leaves.ts';
import { createCrdValidator } from './crd/crd-validator.ts';
import type { TemplateChange } from './edits/template-edits.ts';
import { layOver } from './edits/values-file.ts';
import { type OverrideOptions, overrideChart } from './override-chart.ts';
import type { Proof, UnmappedReference } from './proof/proof.ts';
import { analyzeChart, proofOf, type Relocation, renderAll } from './proof/relocation.ts';
import { withStates } from './proof/states.ts';
import type { Setting } from './settings/setting.ts';

/** Options for a chart that carries its overrides. */
export interface CarryingOptions extends Omit<OverrideOptions, 'unmappedHandling' | 'prove' | 'sparesGlobals'> {
  /** Change templates where no value redirects a reference. */
  readonly editTemplates: boolean;
  /** Digest of the upstream chart's OCI manifest, if known. */
  readonly manifestDigest?: Digest | undefined;
  /** Work folder (absolute). */
  readonly folder: string;
}

/** Chart with overrides as its defaults, and the proof of a render without and with the user's values. */
export interface CarryingChart {
  readonly archive: Buffer;
  /** Digest of the upstream chart's archive. */
  readonly upstream: Digest;
  /** Values that are new defaults. No value of the user is among them. */
  readonly overrides: Values;
  readonly changes: readonly TemplateChange[];
  readonly proof: Proof;
  /** All references of the chart, private or not. */
  readonly references: readonly string[];
  /** Reason why values.yaml was written anew, without its comments. */
  readonly rewritten?: string;
  /** The chart cannot be rendered without the user's values: Helm's message. */
  readonly needsValues?: string;
  /** The written chart was also rendered with values of the user. */
  readonly withValues: boolean;
}

/** Name of the profile without values of the user, in locations of the proof. */
const WITHOUT_VALUES = 'without values';

/**
 * Writes a chart whose defaults are its overrides, and proves the written archive by rendering it without values and with
 * the values of each profile. Overrides that only these values need are added, unless the user's values set them.
 * @throws AirgapError of rendering; `chart-invalid` if values.yaml cannot be changed; `usage` for a changed chart
 */
export async function carryOverrides(
  helm: Helm,
  chart: Chart,
  profiles: readonly [Profile, ...Profile[]],
  target: Target,
  options: CarryingOptions,
): Promise<CarryingChart> {
  const { emit, folder, rules, operands = [], operatorDefaults = true, decisions } = options;
  if (await isChangedChart(chart.archive)) {
    throw new AirgapError('usage', `chart ${titleOf(chart)} was changed by this tool already`, {
      hint: 'give the upstream chart',
    });
  }
  const rendererOf = (archive: string, name: string): Renderer =>
    new Renderer(helm, { ...chart, archive }, join(folder, name));
  const original = rendererOf(chart.archive, 'original');
  const withoutValues = { name: WITHOUT_VALUES, options: { ...profiles[0].options, ...NO_VALUES } };
  const bare = await unlessRefused(original.render(withoutValues.options));
  const withValues = profiles.filter((profile) => hasValues(profile.options));
  if ('refusal' in bare && withValues.length === 0) throw bare.refusal;
  const proved = 'refusal' in bare ? withValues : [withoutValues, ...withValues];

  let state: State = { archive: chart.archive, overrides: {}, changes: [] };
  const relocations: Relocation[] = [];
  const explained: UnmappedReference[] = [];
  let first: Proof | undefined;
  for (const [index, profile] of proved.entries()) {
    const relocation = await analyzeChart(original, profile, target, { rules, operands, operatorDefaults, decisions });
    relocations.push(relocation);
    if (first !== undefined) {
      const renderer = rendererOf(state.archive, `carried-${index}`);
      const renders = await renderAll({ ...relocation, renderer }, {});
      if (proofOf(relocation, renders).residue.length === 0) continue;
    }
    const step = await addOverrides(helm, chart, profile, target, state, {
      ...options,
      recipes: first === undefined ? options.recipes : [],
      folder: join(folder, `step-${index}`),
    });
    state = step.state;
    explained.push(...step.unmapped);
    first ??= step.proof;
  }

  const upstream = digestOf(await readFile(chart.archive));
  const archive = await finish(chart, target, state, upstream, options);
  const renderer = rendererOf(archive, 'final');
  const merged = mergeRelocations(renderer, relocations);
  const renders = await runStep(emit, `proving the changed chart ${titleOf(chart)}`, () => renderAll(merged, {}));
  const { residue, ...counts } = proofOf(merged, renders);
  const located = merged.variants.flatMap((variant) => [...variant.references, ...variant.operands]);
  return {
    archive: await readFile(archive),
    upstream,
    overrides: state.overrides,
    changes: state.changes,
    proof: withStates({ ...first, ...counts, residue: residue.map((entry) => withReason(entry, explained)) }, merged),
    references: [...new Set(located.map(({ reference }) => reference))].sort(),
    ...(state.rewritten !== undefined && { rewritten: state.rewritten }),
    withValues: withValues.length > 0,
    ...('refusal' in bare && { needsValues: bare.refusal.message }),
  };
}

/** Chart with the overrides so far. */
interface State {
  readonly archive: string;
  readonly overrides: Values;
  readonly changes: readonly TemplateChange[];
  readonly rewritten?: string | undefined;
}

/** Adds what a profile needs to the chart's defaults and templates. */
async function addOverrides(
  helm: Helm,
  chart: Chart,
  profile: Profile,
  target: Target,
  state: State,
  { folder, editTemplates, ...options }: CarryingOptions,
): Promise<{ readonly state: State; readonly unmapped: readonly UnmappedReference[]; readonly proof: Proof }> {
  const renderer = new Renderer(helm, { ...chart, archive: state.archive }, join(folder, 'render'));
  const { base, settings, proof, repacked, renders } = await overrideChart(renderer, profile, target, {
    ...options,
    sparesGlobals: true,
    ...(editTemplates && { unmappedHandling: { how: 'repack', folder: join(folder, 'repack') } }),
  });
  const given = hasValues(profile.options) ? await userValues(helm, profile.options, join(folder, 'given')) : {};
  const kept = settings.filter(({ path }) => !isSetBy(given, path));
  const overlay = buildOverlay(base, kept);
  let { archive } = state;
  if (repacked?.archive !== undefined) {
    archive = join(folder, 'templates.tgz');
    await writeFile(archive, repacked.archive);
  }
  const { files } = await readArchive(archive, { test: (path) => path === 'values.yaml' });
  const changed = layOver(
    files.get('values.yaml')?.toString('utf8') ?? '',
    overlay,
    `values.yaml of ${titleOf(chart)}`,
  );
  archive = await writeChangedChart(archive, new Map([['values.yaml', changed.text]]), {}, join(folder, 'values'));
  const dropped = settings.filter((setting) => !kept.includes(setting));
  const render = dropped.length === 0 ? renders[0] : await renderer.render(profile.options, overlay);
  if (render !== undefined)
    await checkDefaults(renderer.withArchive(archive, join(folder, 'check')), profile, render.values);
  return {
    state: {
      archive,
      overrides: overlayValues(state.overrides, overlay),
      changes: [...state.changes, ...(repacked?.changes ?? [])],
      rewritten: state.rewritten ?? changed.rewritten,
    },
    unmapped: [...dropped.flatMap(setByUser), ...proof.residue],
    proof,
  };
}

/** Checks that Helm makes the same values of the new defaults as of the overrides in a file. @throws AirgapError `chart-invalid` */
async function checkDefaults(renderer: Renderer, { options }: Profile, expected: Values): Promise<void> {
  const { values } = await renderer.render(options);
  if (isDeepStrictEqual(values, expected)) return;
  const { name, version } = renderer.chart.metadata;
  throw new AirgapError(
    'chart-invalid',
    `Helm reads other defaults from the changed values.yaml of ${name} ${version}`,
    {
      hint: 'install the upstream chart with the overrides as a values file (--format values), and please report this',
    },
  );
}

/** Reports whether values set a path: a value at it, below it, or in place of a mapping or list on the way to it. */
function isSetBy(values: Values, path: LeafPath): boolean {
  let current: unknown = values;
  for (const key of path) {
    if (!isMapping(current)) return true;
    // Helm replaces lists as a whole.
    if (typeof key === 'number') return true;
    if (!Object.hasOwn(current, key)) return false;
    current = current[key];
  }
  return true;
}

/** Returns what stays public because the user's values set it: one entry for each reference of the setting's comment. */
function setByUser({ path, value, comment }: Setting): UnmappedReference[] {
  const needed = typeof value === 'string' ? `; it must be ${value} there` : '';
  const because = `your values set ${formatPath(path)}, and win over the defaults of the chart${needed}`;
  const none = { reference: '', chart: '', profile: '', template: '', path: '' };
  return comment.split('\n').map((written) => ({ ...none, written, because }));
}

/** Adds the known reason to an unmapped reference. */
function withReason(entry: UnmappedReference, explained: readonly UnmappedReference[]): UnmappedReference {
  const isSame = (other: UnmappedReference): boolean =>
    other.template === ''
      ? other.written === entry.written
      : other.reference === entry.reference && other.template === entry.template && other.path === entry.path;
  const because = explained.find((other) => isSame(other) && other.because !== undefined)?.because;
  return because === undefined ? entry : { ...entry, because };
}

/** Names the upstream chart in Chart.yaml and in the record of the changes. */
async function finish(
  chart: Chart,
  target: Target,
  { archive, overrides, changes, rewritten }: State,
  upstream: Digest,
  { folder, manifestDigest }: Pick<CarryingOptions, 'folder' | 'manifestDigest'>,
): Promise<string> {
  const { files } = await readArchive(archive, { test: (path) => path === 'Chart.yaml' });
  const text = files.get('Chart.yaml')?.toString('utf8') ?? '';
  const { name, version } = chart.metadata;
  const key = Object.keys(readMapping(text)).find((field) => foldedKey(field) === 'annotations') ?? 'annotations';
  const annotations = {
    [UPSTREAM_DIGEST_ANNOTATION]: upstream,
    ...(manifestDigest && { [UPSTREAM_MANIFEST_ANNOTATION]: manifestDigest }),
  };
  const { text: metadata } = layOver(text, { [key]: annotations }, `Chart.yaml of ${titleOf(chart)}`);
  const record = {
    apiVersion: 'airgap/v1',
    kind: 'ChartChanges',
    ...{ chart: name, version, target: formatTarget(target) },
    upstream: { digest: upstream, ...(manifestDigest && { manifestDigest }) },
    changes,
    overrides,
    ...(rewritten !== undefined && { valuesRewritten: rewritten }),
  };
  return writeChangedChart(archive, new Map([['Chart.yaml', metadata]]), record, join(folder, 'carrying'));
}

/** Returns all variants of all profiles of a chart as those of one, rendered from another archive. */
function mergeRelocations(renderer: Renderer, relocations: readonly Relocation[]): Relocation {
  const [relocation, ...others] = relocations as [Relocation, ...Relocation[]];
  const [variant, ...more] = relocation.variants;
  const variants = [variant, ...more, ...others.flatMap((other) => other.variants)] as const;
  const crdValidator = createCrdValidator(
    renderer,
    variants.map(({ base }) => base),
  );
  return { ...relocation, renderer, variants, crdValidator };
}
