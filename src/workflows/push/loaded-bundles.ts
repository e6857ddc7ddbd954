import { basename } from 'node:path';
import { count } from '../../base/count.ts';
import { AirgapError, combine } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import { printableLine } from '../../base/printable.ts';
import { runStep } from '../../base/step.ts';
import { CONTAINERD_NAME_ANNOTATION, REF_NAME_ANNOTATION } from '../../bundle/format/names.ts';
import { type OpenOptions, openCheckedBundle } from '../../bundle/open.ts';
import { type Bundle, bundledReferrers } from '../../bundle/reading/bundle.ts';
import { tagAnnotation } from '../../bundle/reading/contents.ts';
import type { RequiredBlob } from '../../inventory/inventory.ts';
import { type Missing, missingOf, unallowed } from '../../inventory/missing-images.ts';
import type { Target } from '../../naming/naming.ts';
import type { Source } from '../../oci/content.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Graph, Root } from '../../oci/graph.ts';
import { formatReference, type Repository, tryParseRepository } from '../../oci/reference.ts';
import type { Context } from '../../session/context.ts';
import type { RequiredBlobs } from '../../transfer/required-blobs.ts';
import { Walker } from '../../transfer/walk.ts';
import { type ChartArchive, checkArchivePrefix, readChartArchives, withChartArchives } from './chart-archives.ts';
import type { PushGraphOptions } from './push-graph.ts';
import { type BundleSelection, selectRoots } from './selection.ts';
import { withWrittenNames } from './written-names.ts';

/** Content to push, from one or several bundles and chart archives. */
export interface LoadedBundles {
  readonly bundles: readonly Bundle[];
  readonly chartArchives: readonly ChartArchive[];
  readonly graph: Graph;
  readonly source: Source;
  /** Blobs that deltas omit and no loaded bundle has; undefined if none is a delta. */
  readonly required: readonly RequiredBlob[] | undefined;
  /** Images of which the target was found to have the manifest, but not all content. */
  readonly incomplete: ReadonlySet<string>;
  /** Images that were needed and did not exist when the bundles were made; absent if there are none. */
  readonly missing?: readonly Missing[];
  close(): Promise<void>;
}

export interface LoadOptions extends OpenOptions {
  /** Bundles to push together. */
  readonly files: readonly string[];
  /** Paths of chart archives to push as well. */
  readonly chartArchives?: readonly string[];
  readonly targets?: readonly Target[];
  readonly selection: BundleSelection;
  readonly concurrency: number;
}

/**
 * Opens bundles and reads all manifests of the selected images and charts, and reads chart archives.
 * @throws AirgapError of opening and selecting, and of reading archives; `unsupported` for an archive that does not name its images; `signature`
 *   for one that is not signed by the key; `collision` for a name with two digests; `several` for damaged entries
 */
export async function loadBundles(
  context: Context,
  { files, selection, concurrency, chartArchives: archiveFiles = [], targets = [], ...opening }: LoadOptions,
): Promise<LoadedBundles> {
  const chartArchives = await readChartArchives(context, archiveFiles);
  for (const target of targets) checkArchivePrefix(chartArchives, target);
  const bundles: Bundle[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(bundles.map((bundle) => bundle.close()));
  };
  try {
    for (const file of files) bundles.push(await openCheckedBundle(file, { ...opening, emit: context.emit }));
    for (const bundle of bundles) checkNamed(bundle, context.emit);
    const graph = await readGraph(context, bundles, selectRoots(bundles, selection, context.emit), concurrency);
    const inventories = bundles.flatMap((bundle) => bundle.inventory() ?? []);
    const missing = inventories.flatMap(missingOf);
    warnMissing(missing, context.emit);
    const isBundled = (digest: Digest): boolean => bundles.some(({ entries }) => entries.has(digest));
    const required = inventories.some(({ since }) => since !== undefined)
      ? inventories.flatMap(({ requires = [] }) => requires).filter(({ digest }) => !isBundled(digest))
      : undefined;
    const incomplete = inventories.flatMap(({ images }) => images.filter((image) => image.incomplete));
    return {
      bundles,
      chartArchives,
      graph: withChartArchives(graph, chartArchives),
      source: combinedSource(bundles),
      required,
      incomplete: new Set(incomplete.map(({ reference }) => reference)),
      ...(missing.length > 0 && { missing }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Returns the target with what its naming needs of the loaded bundles. Chart archives alone need nothing. */
export function loadedTarget({ bundles }: LoadedBundles, target: Target): Target {
  return bundles.length === 0 ? target : withWrittenNames(target, bundles);
}

/** Returns the loaded files, for receipts. */
export function loadedFiles({ bundles, chartArchives }: LoadedBundles): PushGraphOptions['bundles'] {
  return [...bundles, ...chartArchives.map(({ path, size }) => ({ path, size, inventoryDigest: undefined }))];
}

async function readGraph(
  { emit, signal }: Context,
  bundles: readonly Bundle[],
  selectedRoots: readonly (readonly Root[])[],
  concurrency: number,
): Promise<Graph> {
  const graphs: Graph[] = [];
  for (const [index, bundle] of bundles.entries()) {
    const references = (selectedRoots[index] ?? []).map(({ reference }) => reference);
    const walker = new Walker(bundle, { platforms: [], concurrency, signal });
    const [found, attached] = await runStep(
      emit,
      `reading the manifests of ${printableLine(basename(bundle.path))}`,
      async (advance) => [
        await walker.add(references, advance),
        await walker.attach(bundledReferrers(walker.graph(), bundle)),
      ],
      references.length,
    );
    const graph = walker.graph();
    const failures = [...found, ...attached.failures];
    if (failures.length > 0) {
      const errors = failures.map(({ error }) => error);
      throw combine(errors, `${failures.length} entries of the bundle are damaged`);
    }
    graphs.push(graph);
  }
  return mergeGraphs(bundles, graphs);
}

/** Merges the graphs of several bundles. @throws AirgapError `collision` for a reference with two digests */
function mergeGraphs(bundles: readonly Bundle[], graphs: readonly Graph[]): Graph {
  const roots = new Map<string, { readonly root: Root; readonly path: string }>();
  for (const [index, graph] of graphs.entries()) {
    const path = bundles[index]?.path ?? '';
    for (const root of graph.roots) {
      const name = formatReference(root.reference);
      const known = roots.get(name);
      if (known !== undefined && known.root.descriptor.digest !== root.descriptor.digest) {
        throw new AirgapError('collision', `${name} has different digests in ${known.path} and ${path}`, {
          hint: 'push the older bundle first, then the newer one with --on-existing-tag overwrite',
        });
      }
      if (known === undefined) roots.set(name, { root, path });
    }
  }
  return {
    roots: [...roots.values()].map(({ root }) => root),
    manifests: new Map(graphs.flatMap(({ manifests }) => [...manifests])),
    blobs: new Map(graphs.flatMap(({ blobs }) => [...blobs])),
    referrers: graphs.flatMap(({ referrers = [] }) => referrers),
  };
}

/** Returns a source over all bundles. Content is read by digest, so any bundle that has it will do. */
function combinedSource(bundles: readonly Bundle[]): Source {
  const holderOf = (digest: string): Bundle =>
    bundles.find(({ entries }) => entries.has(digest as Digest)) ?? (bundles[0] as Bundle);
  return {
    manifest: (repository, tagOrDigest) => holderOf(tagOrDigest).manifest(repository, tagOrDigest),
    blob: (repository, descriptor) => holderOf(descriptor.digest).blob(repository, descriptor),
  };
}

/** Maximum characters of an invalid name in a message. */
const MAX_NAME_SHOWN = 100;

/**
 * Checks that images have full names. Archives of other tools may identify an image by tag only, or not at all, so that
 * its destination is unknown. Unnamed index entries next to named images are usually parts of these, and are ignored.
 * @throws AirgapError `unsupported` for an archive without any full name
 */
export function checkNamed(bundle: Bundle, emit: Emit): void {
  const unnamed = bundle.unnamed();
  const tags = unnamed.flatMap((descriptor) => tagAnnotation(descriptor) ?? []);
  const isNamed = bundle.images().length + bundle.charts().length > 0;
  const problem = tags.length === 0 ? 'does not name its images' : `identifies images only by tag (${tags.join(', ')})`;
  if (!isNamed && unnamed.length > 0) {
    throw new AirgapError('unsupported', `${bundle.path} ${problem}, so their destination is unknown`, {
      hint:
        tags.length > 0 || unnamed.length === 1
          ? 'name them, for example --as quay.io/team/app:1.0'
          : 'write the archive again with the full name of each image',
    });
  }
  if (tags.length > 0) {
    const message = `${bundle.path} ${problem}; these images are not pushed unless --as gives their repository`;
    emit({ type: 'warning', message });
  }
  const invalid = unnamed.flatMap((descriptor) => invalidName(descriptor) ?? []);
  if (isNamed && invalid.length > 0) {
    const message = `${bundle.path} has images with invalid names, which are not pushed: ${invalid.join(', ')}`;
    emit({ type: 'warning', message });
  }
}

/** Returns a name that looks like a full reference but is invalid, shortened for messages. */
function invalidName({ annotations = {} }: Descriptor): string | undefined {
  const names: unknown[] = [annotations[CONTAINERD_NAME_ANNOTATION], annotations[REF_NAME_ANNOTATION]];
  const name = names.find((text): text is string => typeof text === 'string' && /[/:]/.test(text));
  return name === undefined || name.length <= MAX_NAME_SHOWN ? name : `${name.slice(0, MAX_NAME_SHOWN)}...`;
}

/**
 * Returns the blobs that deltas omit. The base bundle was pushed with the same naming, which gives their repositories.
 */
export function requiredBlobsOf(
  { required, bundles }: LoadedBundles,
  target: (repository: Repository) => Repository,
  source: RequiredBlobs['source'],
): RequiredBlobs | undefined {
  if (required === undefined) return undefined;
  const repositories = required.map(
    ({ digest, repositories: names }) =>
      [digest, names.flatMap((name) => tryParseRepository(name) ?? []).map(target)] as const,
  );
  const since = bundles.flatMap((bundle) => bundle.inventory()?.since ?? []).join(', ');
  const hint = `push the base bundle (inventory ${since}) first, with the same --to and --naming, or use a full bundle made without --since`;
  return { repositories: new Map(repositories), source, hint };
}

/** Returns what reports whether the target may lack content of a root whose tag it has. */
export function incompleteRoots({ incomplete }: Pick<LoadedBundles, 'incomplete'>): (root: Root) => boolean {
  return ({ reference }) => incomplete.has(formatReference(reference));
}

function warnMissing(missing: readonly Missing[], emit: Emit): void {
  const names = unallowed(missing).map(({ reference }) => reference);
  if (names.length === 0) return;
  const message = `missing from what is pushed: ${count(names.length, 'image')} that the registries did not have when the bundle was made: ${names.join(', ')}`;
  emit({ type: 'warning', message });
}
