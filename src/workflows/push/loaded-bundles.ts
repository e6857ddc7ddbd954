import { AirgapError, combine } from '../../base/errors.ts';
import { bundledReferrers } from '../../bundle/bundled-referrers.ts';
import { openCheckedBundle } from '../../bundle/open.ts';
import type { Bundle } from '../../bundle/read.ts';
import type { RequiredBlob } from '../../inventory/inventory.ts';
import type { Source } from '../../oci/content.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Graph, Root } from '../../oci/graph.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';
import type { SigningKey } from '../../oci/signing-key.ts';
import type { Context } from '../../session/context.ts';
import { Walker } from '../../transfer/walk.ts';
import { type BundleSelection, selectRoots } from './selection.ts';
import { checkNamed } from './unnamed-images.ts';

/** Content to push, from one or several bundles. */
export interface LoadedBundles {
  readonly bundles: readonly Bundle[];
  readonly graph: Graph;
  readonly source: Source;
  /** Blobs that deltas omit and no loaded bundle has; undefined if none is a delta. */
  readonly required: readonly RequiredBlob[] | undefined;
  close(): Promise<void>;
}

export interface LoadOptions {
  /** Bundles to push together. */
  readonly files: readonly string[];
  readonly selection: BundleSelection;
  readonly concurrency: number;
  /** Reference to assume for images that another tool's archive identifies only by tag, or for its only image. */
  readonly as?: Reference;
  /** Public key by which every bundle must be signed. */
  readonly signer?: SigningKey['publicKey'] | undefined;
}

/**
 * Opens bundles and reads all manifests of the selected images and charts.
 * @throws AirgapError of opening and selecting; `unsupported` for an archive that does not name its images; `signature`
 *   for one that is not signed by the key; `collision` for a name with two digests; `several` for damaged entries
 */
export async function loadBundles(
  context: Context,
  { files, selection, concurrency, as, signer }: LoadOptions,
): Promise<LoadedBundles> {
  const bundles: Bundle[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(bundles.map((bundle) => bundle.close()));
  };
  try {
    for (const file of files) bundles.push(await openCheckedBundle(file, { signer, as }));
    for (const bundle of bundles) checkNamed(bundle, context.emit);
    const graph = await readGraph(context, bundles, selectRoots(bundles, selection, context.emit), concurrency);
    const inventories = bundles.flatMap((bundle) => bundle.inventory() ?? []);
    const isBundled = (digest: Digest): boolean => bundles.some(({ entries }) => entries.has(digest));
    const required = inventories.some(({ since }) => since !== undefined)
      ? inventories.flatMap(({ requires = [] }) => requires).filter(({ digest }) => !isBundled(digest))
      : undefined;
    return { bundles, graph, source: combinedSource(bundles), required, close };
  } catch (error) {
    await close();
    throw error;
  }
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
    // Reading manifests from a bundle is too fast to be worth reporting.
    const withoutImages: typeof emit = (event) => (event.type === 'image' ? undefined : emit(event));
    const walker = new Walker(bundle, { platforms: [], concurrency, emit: withoutImages, signal });
    const found = await walker.add(references);
    const attached = await walker.attach(bundledReferrers(walker.graph(), bundle));
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
