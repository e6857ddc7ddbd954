import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { count, firstOf } from '../../base/count.ts';
import { AirgapError, asAirgapError, combine } from '../../base/errors.ts';
import { settle } from '../../base/pool.ts';
import { wildcard } from '../../base/wildcard.ts';
import { toFindings } from '../../discovery/index.ts';
import { type ChartSources, UPSTREAM } from '../../helm/chart-mirrors.ts';
import type { LocatedReference } from '../../inventory/finding.ts';
import { distinctPlatforms, type MissingImage, type MissingList } from '../../inventory/missing-list.ts';
import type { Platform } from '../../oci/platform.ts';
import { formatReference, parseReference, type Reference } from '../../oci/reference.ts';
import { applySelection } from '../../search/selection.ts';
import type { Context } from '../../session/context.ts';
import { addedReferences, type ImagesOptions } from '../images/images.ts';
import { warnUnlisted } from './bundle-warnings.ts';
import type { PackedChart } from './inventory.ts';
import { pinsOf, referencesOfCharts } from './listed-images.ts';
import { checkMissingPlatforms } from './missing-platforms.ts';
import { type BundleResult, type PackOptions, pack, withExclusiveOutput } from './pack.ts';

export interface BundleMissingOptions
  extends PackOptions,
    Pick<ImagesOptions, 'add' | 'charts' | 'exclude' | 'chartSources'> {
  readonly missing: MissingList;
  /** Path of the list, for messages. */
  readonly list: string;
}

/** The list has the digests of the bundle that was checked. */
const PIN_HINT =
  'the tag has probably moved since the bundle was written, and the old image was deleted; push that bundle again, or write and push a new one';

/** Maximum number of names in a message. */
const MAX_NAMES = 5;

/**
 * Bundles the images that `check` did not find at the target, and the named charts. Nothing is rendered or searched. Each
 * image gets the platforms that its Pods need and those that the target has, so that no tag loses one.
 * @throws AirgapError `usage` if nothing is left to bundle, or if a chart is missing at the target and not named here
 */
export function bundleMissing(context: Context, options: BundleMissingOptions): Promise<BundleResult> {
  const { missing, list, charts: jobs, add, exclude = [] } = options;
  warnUnfixable(context, missing, list);
  if (missing.images.length + missing.charts.length + jobs.length + add.length === 0) throw nothingLeft(missing, list);
  noteRegistries(context, missing, list);
  return withExclusiveOutput(context, options, async (scratch) => {
    const excludedCharts = missing.charts
      .map(({ name }) => name)
      .filter((name) => exclude.some(({ pattern }) => wildcard(pattern).test(name)));
    const charts = await fetchCharts(context, jobs, options.chartSources ?? UPSTREAM, scratch);
    requireCharts(missing, charts, excludedCharts, list);
    const all = [
      ...missing.images.flatMap(({ reference, written, charts: names }) =>
        referencesOfCharts(names, { reference, written, confidence: 'certain', need: 'install' }),
      ),
      ...addedReferences(add),
    ];
    const { references, selections } = applySelection(all, { exclude }, [...new Set(excludedCharts)]);
    const findings = toFindings(references);
    if (findings.length + charts.length === 0) {
      throw new AirgapError('usage', `--exclude leaves nothing of ${basename(list)} to bundle`, {
        hint: 'leave out fewer images',
      });
    }
    const listed = new Set(all.map(({ reference }) => reference));
    const unlisted = new Map<string, string>();
    const select = (found: readonly LocatedReference[]) => {
      for (const { reference, name } of found) if (!listed.has(reference)) unlisted.set(reference, name);
      return { findings, selections };
    };
    const images = missing.images.filter(({ reference }) =>
      findings.some((finding) => finding.reference === reference),
    );
    const platformsOf = platformsByReference(images, options.platforms);
    const result = await pack(
      context,
      { ...options, platforms: distinctPlatforms([...missing.platforms, ...options.platforms]), platformsOf },
      {
        charts,
        select,
        pins: pinsOf(images.map(({ reference, sourceDigest: digest }) => ({ reference, digest }))),
        pinHint: PIN_HINT,
        incomplete: new Set(images.filter(({ isIncomplete }) => isIncomplete).map(({ reference }) => reference)),
        checkGraph: (graph) => checkMissingPlatforms(context.emit, graph, images, platformsOf),
      },
    );
    warnUnlisted(context.emit, 'the list', selections, unlisted);
    const digests = new Map(result.lock.images.map(({ reference, digest }) => [reference, digest]));
    warnPinned(context, images, digests);
    const isReplaced = ({ reference, digestAtTarget }: MissingImage): boolean =>
      digestAtTarget !== undefined && digestAtTarget !== digests.get(reference);
    return { ...result, overwrites: images.filter(isReplaced).map(({ reference }) => reference) };
  });
}

async function fetchCharts(
  context: Context,
  jobs: BundleMissingOptions['charts'],
  sources: ChartSources,
  scratch: string,
): Promise<PackedChart[]> {
  // Without charts neither Helm nor the code that runs it is needed.
  if (jobs.length === 0) return [];
  const [{ fetchChart }, { Helm }] = await Promise.all([import('../../helm/fetch.ts'), import('../../helm/helm.ts')]);
  const helm = new Helm(context);
  const outcomes = await settle(jobs, availableParallelism(), async ({ request, profiles }, index) => {
    const chart = await fetchChart(helm, request, join(scratch, String(index)), context.cwd, sources);
    return { chart, profiles };
  });
  const errors = outcomes.flatMap((outcome) => ('error' in outcome ? [asAirgapError(outcome.error)] : []));
  if (errors.length > 0) throw combine(errors, `${errors.length} of ${jobs.length} charts could not be fetched`);
  return outcomes.flatMap((outcome) => ('value' in outcome ? [outcome.value] : []));
}

/** The list does not say where charts are from. @throws AirgapError `usage` */
function requireCharts(
  { charts }: MissingList,
  given: readonly PackedChart[],
  excluded: readonly string[],
  list: string,
): void {
  const title = ({ name, version }: { readonly name: string; readonly version: string }): string =>
    `${name} ${version}`;
  const titles = new Set(given.map(({ chart }) => title(chart.metadata)));
  const absent = charts.filter((chart) => !titles.has(title(chart)) && !excluded.includes(chart.name)).map(title);
  if (absent.length === 0) return;
  const names = `${count(absent.length, 'chart')} of ${basename(list)} (${firstOf(absent, MAX_NAMES)})`;
  throw new AirgapError('usage', `the target lacks ${names}, and the list does not say where to get them`, {
    hint: 'name each chart with its version, as for bundle without --only-missing, or leave it out with --exclude NAME',
  });
}

/** @param more platforms to bundle in addition */
function platformsByReference(
  images: readonly MissingImage[],
  more: readonly Platform[],
): (reference: Reference) => readonly Platform[] | undefined {
  const platforms = new Map(
    images.map((image) => [
      image.reference,
      image.platforms.length === 0 ? [] : distinctPlatforms([...image.platforms, ...more]),
    ]),
  );
  return (reference) => platforms.get(formatReference(reference));
}

/** Says which registries the list makes this host ask: somebody else wrote it. */
function noteRegistries({ emit }: Context, { images }: MissingList, list: string): void {
  if (images.length === 0) return;
  const registries = [...new Set(images.map(({ reference }) => parseReference(reference).registry))].sort();
  const message = `${basename(list)} lists ${count(images.length, 'missing image')} of ${firstOf(registries, MAX_NAMES)}`;
  emit({ type: 'note', message });
}

function warnUnfixable({ emit }: Context, missing: MissingList, list: string): void {
  const text = unfixableText(missing);
  if (text === undefined) return;
  emit({ type: 'warning', message: `${basename(list)} also lists what no bundle can fix: ${text}; see docs/check.md` });
}

/** Returns the names that a bundle does not help, by reason; undefined if there are none. */
function unfixableText({ unfixable }: MissingList): string | undefined {
  if (unfixable.length === 0) return undefined;
  const groups = Map.groupBy(unfixable, ({ reason }) => reason);
  return [...groups]
    .map(
      ([reason, all]) =>
        `${reason} (${firstOf(
          all.map(({ name }) => name),
          MAX_NAMES,
        )})`,
    )
    .join(', ');
}

/** Warns of images that Pods would not pull even after the push, because the overrides name another digest. */
function warnPinned(
  { emit }: Context,
  images: readonly MissingImage[],
  digests: ReadonlyMap<string, MissingImage['pinned']>,
): void {
  const other = images.filter(({ reference, pinned }) => pinned !== undefined && pinned !== digests.get(reference));
  if (other.length === 0) return;
  const names = firstOf(
    other.map(({ reference }) => reference),
    MAX_NAMES,
  );
  const message = `the overrides that were checked name other digests than this bundle has, so write them again after the push: ${names}`;
  emit({ type: 'warning', message });
}

function nothingLeft(missing: MissingList, list: string): AirgapError {
  const text = unfixableText(missing);
  const name = basename(list);
  return text === undefined
    ? new AirgapError('usage', `there is nothing to bundle: ${name} lists nothing that is missing`, {
        hint: 'the target has everything that was checked',
      })
    : new AirgapError('usage', `there is nothing to bundle: no bundle can fix what ${name} lists`, {
        hint: 'see docs/check.md for what to do on the isolated side',
      });
}
