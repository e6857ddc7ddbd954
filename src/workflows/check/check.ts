import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Keychain } from '../../auth/keychain.ts';
import { asAirgapError, combine } from '../../base/errors.ts';
import { settle } from '../../base/pool.ts';
import { type Advance, runStep } from '../../base/step.ts';
import { type OpenOptions, openCheckedBundle } from '../../bundle/open.ts';
import type { Bundle } from '../../bundle/reading/bundle.ts';
import { Helm } from '../../helm/helm.ts';
import type { RenderOptions } from '../../helm/render.ts';
import type { CheckedChart, CheckResult } from '../../inventory/check-result.ts';
import { originOf } from '../../inventory/finding.ts';
import type { InventoryChart } from '../../inventory/inventory.ts';
import type { ManifestSource } from '../../manifests/index.ts';
import { chartRepository, chartTag, formatTarget, type Target } from '../../naming/naming.ts';
import { formatPlatform, LINUX_AMD64, type Platform, parsePlatform } from '../../oci/platform.ts';
import { formatReference } from '../../oci/reference.ts';
import type { OnPurpose, ReferenceDecisions } from '../../search/reference-decisions.ts';
import type { ChartJob } from '../../search/search-charts.ts';
import { connect, type RegistryAccess, type RegistryUse } from '../../session/connect.ts';
import { type Context, withScratch } from '../../session/context.ts';
import { decisionsFor } from '../values/bundled-images.ts';
import { listRequestedCharts } from '../values/requested-charts.ts';
import { BundledImages } from './ask-bundle.ts';
import { TargetQuestions } from './ask-target.ts';
import { type ChartImages, chartImages, type InstallOptions } from './chart-images.ts';
import { answerImages, otherNamespaces, type PodSecret, type WantedImage, wantedImages } from './images.ts';
import { manifestImages } from './manifest-images.ts';
import { explainNotInBundle } from './not-in-bundle.ts';
import type { SourceImages } from './source-images.ts';

/** What to check: charts as they will be installed and manifests as they are, against a target, a bundle, or both. */
export interface CheckOptions extends Pick<OpenOptions, 'signers'>, Omit<InstallOptions, 'pullSecret' | 'decisions'> {
  /** Charts with their profiles; undefined for all charts of the bundle, with `render`. */
  readonly jobs: readonly ChartJob[] | undefined;
  readonly render: RenderOptions;
  readonly manifests: readonly ManifestSource[];
  /** Images that stay public on purpose. */
  readonly onPurpose: OnPurpose;
  readonly bundle?: string | undefined;
  /** Platforms of the nodes. If empty: those that the bundle was made for, else linux/amd64. */
  readonly platforms: readonly Platform[];
  readonly registry: RegistryUse;
  /** Credentials of the Pods, in place of the caller's. */
  readonly pullSecret?: PodSecret | undefined;
}

/** Keychain of Pods without a pull secret. */
const ANONYMOUS: Keychain = { lookup: async () => undefined };

/**
 * Checks for each image that charts and manifests pull whether a node would get it. Renders the charts with the site's values
 * and the overrides, builds kustomizations, and asks the target as a node would. Nothing is written to the target.
 * @throws AirgapError errors of the bundle; errors of the charts and manifests, all of them together
 */
export function check(context: Context, options: CheckOptions): Promise<CheckResult> {
  return withScratch(context, async (scratch) => {
    const { bundle: file, signers, target } = options;
    const { emit } = context;
    const bundle = file === undefined ? undefined : await openCheckedBundle(file, { signers, emit });
    try {
      const decisions = decisionsFor(context, options, bundle);
      const { charts, manifests } = await pulledImages(context, { ...options, decisions }, bundle, scratch);
      const notKnown = [...charts, ...manifests].flatMap((source) => source.notKnown);
      const platforms = platformsOf(options, bundle);
      const bundled = bundle && new BundledImages(bundle, target);
      const wanted = wantedImages([...charts, ...manifests], target, bundled, decisions);
      const asked = { wanted, charts, bundle, bundled, platforms };
      const unusedAllowed = decisions.unusedAllowed();
      warnOtherNamespaces(context, asked.wanted, options.pullSecret);
      const title = target === undefined ? 'looking images up in the bundle' : `asking ${target.registry} for images`;
      const answered = await runStep(
        emit,
        title,
        async (advance) =>
          target === undefined
            ? { images: await answerImages(asked.wanted, { bundled, platforms, advance }), charts: [] }
            : askTarget(context, { ...options, target }, { ...asked, advance }),
        asked.wanted.length,
      );
      return {
        ...(target && { target: formatTarget(target) }),
        ...(file !== undefined && { bundle: file }),
        platforms: platforms.map(formatPlatform),
        charts: charts.map((chart) => chartEntry(chart, answered.charts)),
        ...(manifests.length > 0 && { manifests: manifests.map(({ chart }) => chart) }),
        ...(unusedAllowed.length > 0 && { unusedAllowed: [...unusedAllowed] }),
        ...(notKnown.length > 0 && { notKnown }),
        images: bundle ? await explainNotInBundle(context, bundle, charts, answered.images) : answered.images,
      };
    } finally {
      await bundle?.close();
    }
  });
}

/** Renders every chart with every profile, and reads all manifests. All are tried. */
export async function pulledImages(
  context: Context,
  {
    jobs,
    render,
    manifests: sources,
    pullSecret,
    ...options
  }: CheckOptions & { readonly decisions: ReferenceDecisions },
  bundle: Bundle | undefined,
  scratch: string,
): Promise<{ readonly charts: readonly ChartImages[]; readonly manifests: readonly SourceImages[] }> {
  const helm = new Helm(context);
  const requests = jobs === undefined ? [undefined] : jobs.map((job) => [job]);
  const listed = await settle(requests, 1, (job, i) =>
    listRequestedCharts(bundle, { jobs: job, request: undefined, render }, join(scratch, `charts-${i}`)),
  );
  const requested = allOf(listed, 'charts could not be found').flat();
  const rendered = await settle(requested, availableParallelism(), (chart, i) =>
    chartImages(context, helm, chart, { ...options, pullSecret: pullSecret?.name }, join(scratch, `chart-${i}`)),
  );
  const read = await settle(sources, 1, (source) =>
    manifestImages(context, source, { rules: options.rules, target: options.target, pullSecret: pullSecret?.name }),
  );
  const charts = allOf(rendered, 'charts could not be rendered');
  const manifests = allOf(read, 'kustomizations and manifests could not be read');
  warnNested(context, [...charts, ...manifests], options.decisions);
  if (jobs === undefined) warnParentValues(context, bundle?.inventory()?.charts ?? []);
  warnNeverPulled(context, [...charts, ...manifests]);
  return { charts, manifests };
}

/** Warns of charts that the checked ones install, by a controller or a job. Their values are in the parent, as for `values`. */
function warnNested({ emit }: Context, charts: readonly SourceImages[], decisions: ReferenceDecisions): void {
  const checked = new Set(charts.map(({ chart }) => chart));
  const parents = Map.groupBy(charts, ({ chart }) => chart);
  for (const [parent, group] of parents) {
    const nested = new Set(
      group.flatMap((chart) => chart.nested).filter((name) => !checked.has(name) && !decisions.excludesChart(name)),
    );
    if (nested.size === 0) continue;
    const names = [...nested].sort().join(', ');
    const message = `${originOf(parent)} installs further charts, whose images are not checked: ${names}; name them as well, or check the bundle with --all`;
    emit({ type: 'warning', message });
  }
}

/** Warns of charts that others install: all charts of a bundle are checked with the same values, and not with their parents'. */
function warnParentValues({ emit }: Context, charts: readonly InventoryChart[]): void {
  const nested = charts.flatMap(({ name, version, parent }) =>
    parent === undefined ? [] : [`${name} ${version} (by ${originOf(parent)})`],
  );
  if (nested.length === 0) return;
  const message = `charts that other charts install were not checked with the values that they get there: ${nested.join(', ')}; check each by its name with these values`;
  emit({ type: 'warning', message });
}

/** Warns of images that nodes must have already, whatever the target has. */
function warnNeverPulled({ emit }: Context, charts: readonly SourceImages[]): void {
  const references = charts.flatMap((chart) => chart.references).filter(({ isNeverPulled }) => isNeverPulled);
  const images = [...new Set(references.map(({ reference }) => reference))].sort();
  if (images.length === 0) return;
  const message = `nodes do not pull images with imagePullPolicy Never, they must have them already: ${images.join(', ')}`;
  emit({ type: 'warning', message });
}

/** Warns of Pods in namespaces whose own Secret was not read. */
function warnOtherNamespaces({ emit }: Context, wanted: readonly WantedImage[], secret: PodSecret | undefined): void {
  const namespaces = secret === undefined ? [] : otherNamespaces(wanted, secret);
  if (secret?.name === undefined || namespaces.length === 0) return;
  const message = `Pods of other namespaces need a pull secret ${secret.name} there, which was not read: ${namespaces.join(', ')}; their images are asked for with that of ${secret.namespace}`;
  emit({ type: 'warning', message });
}

/** Returns the results of a batch, or throws all its errors. */
function allOf<T>(outcomes: readonly ({ readonly value: T } | { readonly error: unknown })[], problem: string): T[] {
  const errors = outcomes.flatMap((outcome) => ('error' in outcome ? [asAirgapError(outcome.error)] : []));
  if (errors.length > 0) throw combine(errors, `${errors.length} of ${outcomes.length} ${problem}`);
  return outcomes.flatMap((outcome) => ('value' in outcome ? [outcome.value] : []));
}

/** Returns the platforms of the nodes. */
export function platformsOf({ platforms }: CheckOptions, bundle: Bundle | undefined): readonly Platform[] {
  if (platforms.length > 0) return platforms;
  const bundledPlatforms = bundle?.inventory()?.platforms ?? [];
  return bundledPlatforms.length > 0 ? bundledPlatforms.map(parsePlatform) : [LINUX_AMD64];
}

/** Questions to the target, by who asks. */
interface Questions {
  /** With the rights of Pods, and of those without the pull secret. */
  readonly pods: TargetQuestions;
  readonly anonymous: TargetQuestions;
  /** With the rights of the caller, who installs the charts. */
  readonly charts: TargetQuestions;
}

/** Runs `work` with connections to the target. One is opened when it is first used. */
async function withQuestions<R>(
  context: Context,
  { registry: { access, concurrency }, pullSecret }: CheckOptions,
  { registry, platforms }: Pick<Target, 'registry'> & { readonly platforms: readonly Platform[] },
  work: (questions: Questions) => Promise<R>,
): Promise<R> {
  // The target has no mirrors.
  const quick: RegistryAccess = { ...access, mirrors: [], named: [registry], isQuick: true };
  const clients: ReturnType<typeof connect>['client'][] = [];
  const open = (keychain: Keychain | undefined): TargetQuestions => {
    const { client } = connect(context, { ...quick, ...(keychain && { keychain }) });
    clients.push(client);
    return new TargetQuestions(client, platforms, concurrency, context.signal);
  };
  try {
    const charts = open(undefined);
    if (pullSecret === undefined) return await work({ pods: charts, anonymous: charts, charts });
    return await work({ pods: open(pullSecret.keychain), anonymous: open(ANONYMOUS), charts });
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}

/** What the target is asked for. */
interface Asked {
  readonly wanted: readonly WantedImage[];
  readonly charts: readonly ChartImages[];
  readonly bundle: Bundle | undefined;
  readonly bundled: BundledImages | undefined;
  readonly platforms: readonly Platform[];
  readonly advance: Advance;
}

/** Asks the target for all images, and for the charts that are in the bundle. */
function askTarget(
  context: Context,
  options: CheckOptions & { readonly target: Target },
  { wanted, charts, bundle, ...asked }: Asked,
): Promise<Pick<CheckResult, 'images' | 'charts'>> {
  const { target, pullSecret: secret } = options;
  return withQuestions(context, options, { ...target, platforms: asked.platforms }, async (questions) => {
    const [images, checkedCharts] = await Promise.all([
      answerImages(wanted, { ...asked, ...questions, secret }),
      bundle === undefined ? [] : askCharts(charts, bundle, target, questions.charts),
    ]);
    return { images, charts: checkedCharts };
  });
}

/** Asks whether the target has the charts of the bundle that were rendered. */
async function askCharts(
  charts: readonly ChartImages[],
  bundle: Bundle,
  target: Target,
  questions: TargetQuestions,
): Promise<CheckedChart[]> {
  const bundled = charts.filter(({ chart, version }) =>
    bundle.charts().some((entry) => entry.name === chart && entry.version === version),
  );
  return Promise.all(
    bundled.map(async ({ chart: name, version, profile }) => {
      const reference = { ...chartRepository(target, name), tag: chartTag(version) };
      const { status, message, detail, hint } = await questions.has(reference);
      const answer = { status, message: message ?? detail, hint };
      return { name, version, profile: profile.name, reference: formatReference(reference), ...answer };
    }),
  );
}

function chartEntry({ chart: name, version, profile }: ChartImages, asked: readonly CheckedChart[]): CheckedChart {
  const found = asked.find(
    (entry) => entry.name === name && entry.version === version && entry.profile === profile.name,
  );
  return found ?? { name, version, profile: profile.name };
}
