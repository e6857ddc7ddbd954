import { AirgapError } from '../../base/errors.ts';
import { type Emit, ignoreEvents } from '../../base/events.ts';
import type { Bundle, BundleChart } from '../../bundle/reading/bundle.ts';
import type { Inventory } from '../../inventory/inventory.ts';
import type { Root } from '../../oci/graph.ts';
import { formatReference } from '../../oci/reference.ts';
import { referenceMatcher } from '../../oci/reference-matcher.ts';

/** Selection of charts and images in bundles. Empty: everything. */
export interface BundleSelection {
  /** Charts, as `name` or `name@version`, with their nested charts and all images of these. */
  readonly charts: readonly string[];
  /** Image patterns (pattern.ts). */
  readonly images: readonly string[];
  /** Patterns of images to leave out. */
  readonly exclude: readonly string[];
}

const INSPECT_HINT =
  'list the images with helm airgap inspect; patterns may contain *, for example --image "quay.io/team/*"';

export const SELECT_ALL: BundleSelection = { charts: [], images: [], exclude: [] };

/**
 * Returns the selected roots of each bundle, in the order of its index.
 * @throws AirgapError `chart-not-found` and `image-not-found` for a selection that matches nothing in any bundle,
 *   `unsupported` for charts of an archive that does not record which images they need
 */
export function selectRoots(
  bundles: readonly Bundle[],
  { charts, images, exclude }: BundleSelection,
  emit: Emit = ignoreEvents,
): readonly (readonly Root[])[] {
  const requestedCharts = charts.map((name) => ({ name, found: bundles.map((bundle) => chartsNamed(bundle, name)) }));
  const missing = requestedCharts.find(({ found }) => found.every((charts) => charts.length === 0));
  const names = bundles.map(({ path }) => path).join(', ');
  if (missing !== undefined) {
    const available = bundles.flatMap((bundle) => bundle.charts().map(({ name, version }) => `${name}@${version}`));
    throw new AirgapError('chart-not-found', `${names}: no chart ${missing.name}`, {
      hint: available.length === 0 ? 'there are no charts' : `available charts: ${available.join(', ')}`,
    });
  }
  const patterns = [...images, ...exclude].map((pattern) => ({ pattern, matches: referenceMatcher(pattern) }));
  const references = bundles.flatMap((bundle) => bundle.images().map(({ reference }) => formatReference(reference)));
  for (const [index, { pattern, matches }] of patterns.entries()) {
    if (references.some(matches)) continue;
    if (index >= images.length) emit({ type: 'warning', message: `--exclude ${pattern} matches no image` });
    else
      throw new AirgapError('image-not-found', `${names}: --image ${pattern} matches no image`, { hint: INSPECT_HINT });
  }
  const isNamed = (name: string): boolean => patterns.slice(0, images.length).some(({ matches }) => matches(name));
  const isExcluded = (name: string): boolean => patterns.slice(images.length).some(({ matches }) => matches(name));
  const isAll = charts.length + images.length === 0;
  const selection = bundles.map((bundle, index) => {
    const selectedCharts = requestedCharts.flatMap(({ found }) => found[index] ?? []);
    const needed = selectedCharts.length === 0 ? new Set<string>() : imagesOf(inventoryOf(bundle), selectedCharts);
    const matching = bundle.images().filter(({ reference }) => {
      const name = formatReference(reference);
      return (isAll || needed.has(name) || isNamed(name)) && !isExcluded(name);
    });
    return [...matching, ...(isAll ? bundle.charts() : selectedCharts)];
  });
  if (exclude.length > 0 && selection.every((roots) => roots.length === 0)) {
    throw new AirgapError('image-not-found', `${names}: --exclude leaves nothing to push`, { hint: INSPECT_HINT });
  }
  return selection;
}

function chartsNamed(bundle: Bundle, requested: string): readonly BundleChart[] {
  const [first, ...more] = bundle
    .charts()
    .filter(({ name, version }) => name === requested || `${name}@${version}` === requested);
  if (first === undefined) return [];
  const names = new Set([first, ...more].map(({ name }) => name));
  const { charts } = inventoryOf(bundle);
  for (let size = 0; size < names.size; ) {
    size = names.size;
    for (const { name, parent } of charts) if (parent !== undefined && names.has(parent)) names.add(name);
  }
  return bundle
    .charts()
    .filter((chart) => [first, ...more].includes(chart) || (names.has(chart.name) && isNested(chart)));

  function isNested({ descriptor }: BundleChart): boolean {
    return charts.some(({ digest, parent }) => digest === descriptor.digest && parent !== undefined);
  }
}

function imagesOf({ images }: Inventory, charts: readonly BundleChart[]): ReadonlySet<string> {
  const names = new Set(charts.map(({ name }) => name));
  const needed = images.filter(({ found }) =>
    found.some(({ chart, via = [] }) => [chart, ...via].some((name) => names.has(name))),
  );
  return new Set(needed.map(({ reference }) => reference));
}

function inventoryOf(bundle: Bundle): Inventory {
  const inventory = bundle.inventory();
  if (inventory !== undefined) return inventory;
  throw new AirgapError('unsupported', `${bundle.path} does not record which images a chart needs`, {
    hint: 'select images with --image instead',
  });
}
