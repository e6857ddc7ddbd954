import { asAirgapError, combine } from '../../base/errors.ts';
import { settle } from '../../base/pool.ts';
import { compareText } from '../../base/text-order.ts';
import { isLocationBundledByDefault, type LocatedReference } from '../../inventory/finding.ts';
import type { PublicEcrChart, PublicEcrImage, PublicEcrResult } from '../../inventory/public-ecr.ts';
import { formatRepository, parseReference } from '../../oci/reference.ts';
import type { ChartJob } from '../../search/search-charts.ts';
import type { SearchOptions } from '../../search/search-render.ts';
import type { SearchResult } from '../../search/search-result.ts';
import type { SelectionOptions } from '../../search/selection.ts';
import type { RegistryUse } from '../../session/connect.ts';
import { type Context, withScratch } from '../../session/context.ts';
import { addedReferences, selectFindings, warnUnmatched } from '../images/images.ts';
import { type Answer, askRegistries, isAsked, notAsked } from './ask-registries.ts';
import { ChartValues } from './chart-values.ts';
import { classify } from './classify.ts';
import { keyedUses } from './keyed-values.ts';
import { PlaceList } from './places.ts';
import { roleOf, strongestRole } from './roles.ts';
import { solveMoves } from './solve-moves.ts';
import { Names, renderedUses, type Use } from './uses.ts';

export interface PublicEcrOptions extends SearchOptions, SelectionOptions {
  readonly charts: readonly ChartJob[];
  /** References to add, by name only. */
  readonly add: readonly string[];
  /** References of running Pods. */
  readonly running?: readonly LocatedReference[];
  /** Values files that no chart belongs to (absolute), read by their keys. */
  readonly files: readonly string[];
  /** Access to registries; undefined to ask none, so that no equivalent is verified. */
  readonly registries: RegistryUse | undefined;
}

/**
 * Finds the equivalents in Public ECR of the images of charts and values files, asks the registries whether they are the same,
 * and finds the places that name the images.
 * @throws AirgapError failures of named charts and of files; `interrupted`
 */
export function publicEcr(context: Context, options: PublicEcrOptions): Promise<PublicEcrResult> {
  return withScratch(context, async (scratch) => {
    const names = new Names();
    const searched = await search(context, options, scratch);
    const read = await settle(options.files, 8, (file) => keyedUses(file, names));
    const errors = read.flatMap((outcome) => ('error' in outcome ? [asAirgapError(outcome.error)] : []));
    if (errors.length > 0) throw combine(errors, `${errors.length} of ${read.length} values files could not be read`);
    const { uses, charts } = await usesOf(context, options, searched, names);
    uses.push(...read.flatMap((outcome) => ('value' in outcome ? outcome.value : [])));
    const images = [...new Set(uses.map(({ reference }) => reference))]
      .sort(compareText)
      .map((reference) => ({ reference, ...classify(parseReference(reference)) }));
    const answers = await ask(context, options.registries, images);
    return { charts, files: options.files, images: await withPlaces(images, answers, uses) };
  });
}

async function search(context: Context, options: PublicEcrOptions, scratch: string): Promise<SearchResult> {
  if (options.charts.length === 0 && !options.manifests?.length)
    return { charts: [], manifests: [], failures: [], excluded: [], askedHosts: [] };
  const [{ searchCharts }, { Helm }] = await Promise.all([
    import('../../search/search-charts.ts'),
    import('../../helm/helm.ts'),
  ]);
  const found = await searchCharts(context, new Helm(context), options.charts, scratch, {
    ...options,
    recipes: 'as-written',
  });
  for (const { message } of found.failures) {
    context.emit({
      type: 'warning',
      message: `a nested chart could not be searched; its images are missing: ${message}`,
    });
  }
  return found;
}

/** Returns the uses of the selected images in all renders, and the charts. */
async function usesOf(
  context: Context,
  options: PublicEcrOptions,
  { charts, manifests, excluded }: SearchResult,
  names: Names,
): Promise<{ readonly uses: Use[]; readonly charts: readonly PublicEcrChart[] }> {
  const { findings, selections } = selectFindings([...charts, ...manifests], options, excluded);
  warnUnmatched(context, selections);
  const selected = new Set(findings.map(({ reference }) => reference));
  const uses: Use[] = [];
  const described: PublicEcrChart[] = [];
  for (const searched of charts) {
    const { chart, via } = searched;
    const files = await ChartValues.read(chart, context.cwd);
    const used = await renderedUses(searched, files, names, context.cwd);
    uses.push(
      ...used.filter(
        ({ reference, location }) =>
          selected.has(reference) && location !== undefined && isLocationBundledByDefault(location),
      ),
    );
    const { name, version } = chart.metadata;
    const folder = files.folder === undefined || via !== undefined ? {} : { folder: files.folder };
    described.push({ name, version, source: chart.source, ...folder });
  }
  // No value builds what manifests and Pods name.
  for (const location of [...manifests.flatMap(({ references }) => references), ...(options.running ?? [])]) {
    const { reference, written, chart } = location;
    if (selected.has(reference) && isLocationBundledByDefault(location))
      uses.push({ reference, written, forms: [], chart, role: roleOf(location), location });
  }
  for (const { reference, written } of addedReferences(options.add))
    uses.push({ reference, written, forms: [], chart: '', role: 'runs' });
  return { uses, charts: described };
}

type Classified = Parameters<typeof askRegistries>[2][number];

async function ask(
  context: Context,
  registries: RegistryUse | undefined,
  images: readonly Classified[],
): Promise<ReadonlyMap<string, Answer>> {
  const asked = images.filter(isAsked);
  if (asked.length === 0) return new Map();
  if (registries === undefined) return new Map(asked.map(({ reference }) => [reference, notAsked('not asked')]));
  const { connect } = await import('../../session/connect.ts');
  const { client } = connect(context, registries.access);
  try {
    return await askRegistries(context, client, asked, registries.concurrency);
  } finally {
    await client.close();
  }
}

async function withPlaces(
  images: readonly Classified[],
  answers: ReadonlyMap<string, Answer>,
  uses: readonly Use[],
): Promise<PublicEcrImage[]> {
  const moving = new Map(
    images.flatMap(({ reference, class: found, equivalent }) =>
      found === 'equivalent' && equivalent !== undefined && answers.get(reference)?.status === 'verified'
        ? [[reference, formatRepository(parseReference(equivalent))] as const]
        : [],
    ),
  );
  const places = new PlaceList(solveMoves(uses, (reference) => moving.get(reference)));
  const byReference = Map.groupBy(uses, ({ reference }) => reference);
  const found: PublicEcrImage[] = [];
  for (const image of images) {
    const { reference } = image;
    const own = byReference.get(reference) ?? [];
    const role = strongestRole(own.map((use) => use.role));
    const pinned = parseReference(reference).digest !== undefined;
    found.push({ ...image, ...answers.get(reference), role, pinned, ...(await places.of(own, moving.has(reference))) });
  }
  return found;
}
