import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { type OpenOptions, openCheckedBundle } from '../../bundle/open.ts';
import type { Bundle, BundleChart } from '../../bundle/reading/bundle.ts';
import { builtInRules, isFromRule } from '../../discovery/rules/index.ts';
import type { ChartRequest } from '../../helm/access.ts';
import { fetchChart } from '../../helm/fetch.ts';
import { Helm } from '../../helm/helm.ts';
import type { LocatedReference, Location } from '../../inventory/finding.ts';
import type { Inventory } from '../../inventory/inventory.ts';
import type { StoredRecipe } from '../../inventory/recipe.ts';
import { type Descriptor, MediaType } from '../../oci/descriptor.ts';
import { digestOf } from '../../oci/digest.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { formatReference } from '../../oci/reference.ts';
import { type Context, withScratch } from '../../session/context.ts';
import { addedReferences } from '../images/images.ts';

/** A chart extracted from a bundle to a scratch folder. */
export interface BundledChart {
  readonly name: string;
  readonly version: string;
  readonly request: ChartRequest;
  /** Kubernetes version and APIs of the requested profile at bundling time, or of the first profile. */
  readonly rendered: { readonly kubeVersion?: string; readonly apiVersions?: readonly string[] };
  /** Recipes that compose its references from values, of the same profile. */
  readonly recipes: readonly StoredRecipe[];
  /** Operand images that no manifest shows: found in image configs and files, or by user-defined rules. */
  readonly operands: readonly LocatedReference[];
}

/**
 * Extracts charts from a bundle: the one with the requested name (`name` or `name@version`), or all of them.
 * @param profile profile of the inventory to use
 * @throws AirgapError `chart-not-found` with the available charts, `bundle-invalid`
 */
export function extractCharts(
  source: Bundle,
  request: ChartRequest | undefined,
  scratch: string,
  profile?: string,
): Promise<BundledChart[]> {
  const selected = chartsIn(source, request);
  return Promise.all(selected.map((chart, i) => extract(source, chart, join(scratch, `bundled-${i}.tgz`), profile)));
}

/**
 * Returns charts of a bundle: the one with the requested name (`name` or `name@version`), or all of them.
 * @throws AirgapError `chart-not-found` with the available charts
 */
export function chartsIn(source: Bundle, request: ChartRequest | undefined): readonly BundleChart[] {
  const all = source.charts();
  const selected = request === undefined ? all : all.filter((chart) => isRequested(chart, request));
  if (selected.length === 0 || (request !== undefined && selected.length > 1)) {
    const list = all.map(({ name, version }) => `${name}@${version}`).join(', ');
    const what =
      selected.length > 1 ? `several charts named ${request?.chart}` : `no chart ${request?.chart ?? ''}`.trimEnd();
    throw new AirgapError('chart-not-found', `${source.path}: ${what}`, {
      hint: list === '' ? 'it has no charts' : `available charts: ${list}`,
    });
  }
  return selected;
}

/** Descriptors of a chart's archive and provenance file in a bundle. */
export interface ChartBlobs {
  readonly archive: Descriptor;
  readonly provenance: Descriptor | undefined;
}

/** Reads the descriptors of a chart's content. @throws AirgapError `bundle-invalid` when it has no archive */
export async function chartBlobs(source: Bundle, chart: BundleChart): Promise<ChartBlobs> {
  const { descriptor, name, version, reference } = chart;
  const manifest = await source.manifest(reference, descriptor.digest);
  const { blobs } = parseManifest(descriptor.mediaType, manifest.bytes);
  const archive = blobs.find(({ mediaType }) => mediaType === MediaType.helmChart);
  if (archive === undefined) {
    throw new AirgapError('bundle-invalid', `chart ${name} ${version} in ${source.path} has no chart layer`);
  }
  return { archive, provenance: blobs.find(({ mediaType }) => mediaType === MediaType.helmProvenance) };
}

function isRequested({ name, version }: BundleChart, request: ChartRequest): boolean {
  const isNamed = name === request.chart || `${name}@${version}` === request.chart;
  // Chart repositories treat versions with and without a leading v as equal.
  return isNamed && (request.version === undefined || request.version.replace(/^v/, '') === version.replace(/^v/, ''));
}

async function extract(source: Bundle, chart: BundleChart, archive: string, profile?: string): Promise<BundledChart> {
  const { descriptor, name, version } = chart;
  const blobs = await chartBlobs(source, chart);
  await mkdir(dirname(archive), { recursive: true });
  await writeFile(archive, await source.read(blobs.archive));
  const inventoryChart = source.inventory()?.charts.find((entry) => entry.digest === descriptor.digest);
  const bundledProfile =
    inventoryChart?.profiles.find((candidate) => candidate.name === profile) ?? inventoryChart?.profiles[0];
  const { kubeVersion, apiVersions, recipes = [] } = bundledProfile ?? {};
  return {
    name,
    version,
    request: { chart: archive },
    rendered: {
      ...(kubeVersion === undefined ? {} : { kubeVersion }),
      ...(apiVersions === undefined ? {} : { apiVersions }),
    },
    recipes,
    operands: operandsOf(source, name),
  };
}

function operandsOf(source: Bundle, chart: string): LocatedReference[] {
  const { images = [], missing = [] } = source.inventory() ?? {};
  return [...images, ...missing].flatMap(({ reference, confidence, need, found }) =>
    found
      .filter((location) => location.chart === chart && isOperand(location, found))
      .map((location) => ({ ...(location as Location), reference, confidence, need })),
  );
}

type InventoryLocation = Inventory['images'][number]['found'][number];

/** Reports whether rendering does not show this image, including those found by user-defined rules at bundling time. */
function isOperand(location: InventoryLocation, found: readonly InventoryLocation[]): boolean {
  const { how } = location;
  if (how === 'operator-rule') return !isFromRule(location, builtInRules);
  return how === 'image-config' || (how === 'inside-image' && found.every((other) => other.how === how));
}

/**
 * Resolves a local chart archive or folder to the chart of a bundle with the same name and version. The bundled chart
 * is used, because push sends that one; a warning reports different content.
 * @returns the unchanged request if it is not a local file
 * @throws AirgapError of reading the chart or the bundle
 */
export async function bundledChartByFile(
  context: Context,
  { bundle, signers }: { readonly bundle: string } & Pick<OpenOptions, 'signers'>,
  request: ChartRequest,
): Promise<ChartRequest> {
  const { cwd, emit } = context;
  const isPath = /[\\/]|\.t(?:ar\.)?gz$/.test(request.chart) && !/^[a-z][a-z0-9+.-]*:\/\//i.test(request.chart);
  const path = resolve(cwd, request.chart);
  if (!isPath || (await stat(path).catch(() => undefined)) === undefined) return request;
  return withScratch(context, async (scratch) => {
    const { metadata, archive } = await fetchChart(new Helm(context), { chart: path }, join(scratch, 'given'), cwd);
    const { name, version } = metadata;
    const source = await openCheckedBundle(bundle, { signers, emit });
    try {
      const bundled = source.charts().find((chart) => chart.name === name && chart.version === version);
      const same = bundled && (await chartBlobs(source, bundled)).archive.digest === digestOf(await readFile(archive));
      if (same === false) {
        const message = `${request.chart} differs from chart ${name} ${version} in the bundle; using the one in the bundle`;
        emit({ type: 'warning', message });
      }
      return { chart: `${name}@${version}` };
    } finally {
      await source.close();
    }
  });
}

/** Returns the images of a bundle with their places. One that was carried by its name, or by another tool, has none. */
export function bundledPlaces(bundle: Bundle): LocatedReference[] {
  const entries = new Map(bundle.inventory()?.images.map((image) => [image.reference, image]));
  return bundle.images().flatMap(({ reference }) => {
    const name = formatReference(reference);
    const { found = [], confidence = 'certain', need = 'install' } = entries.get(name) ?? {};
    const places = found.map((place) => ({ ...place, reference: name, confidence, need }) as LocatedReference);
    return places.length > 0 ? places : addedReferences([name]);
  });
}
