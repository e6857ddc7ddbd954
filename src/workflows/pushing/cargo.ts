import { AirgapError, combine } from '../../base/errors.ts';
import { openForUse } from '../../bundle/open.ts';
import type { Bundle } from '../../bundle/read.ts';
import type { RequiredBlob } from '../../lock/lock.ts';
import type { Source } from '../../oci/content.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Graph, Root } from '../../oci/graph.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';
import type { SigningKey } from '../../oci/signing-key.ts';
import { Walker } from '../../transfer/walk.ts';
import { heldFor } from '../bundling/held-referrers.ts';
import type { Context } from '../context.ts';
import { checkNamed } from './foreign.ts';
import { type Selection, selected } from './selection.ts';

/** Content to push, from one or several bundles. */
export interface Cargo {
  readonly bundles: readonly Bundle[];
  readonly graph: Graph;
  readonly source: Source;
  /** Blobs that deltas leave out and no loaded bundle has; undefined if none is a delta. */
  readonly required: readonly RequiredBlob[] | undefined;
  close(): Promise<void>;
}

export interface LoadOptions {
  /** Bundles to push together. */
  readonly files: readonly string[];
  readonly selection: Selection;
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
export async function load(
  context: Context,
  { files, selection, concurrency, as, signer }: LoadOptions,
): Promise<Cargo> {
  const bundles: Bundle[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(bundles.map((bundle) => bundle.close()));
  };
  try {
    for (const file of files) bundles.push(await openForUse(file, { signer, as }));
    for (const bundle of bundles) checkNamed(bundle, context.emit);
    const graph = await graphOf(context, bundles, selected(bundles, selection, context.emit), concurrency);
    const locks = bundles.flatMap((bundle) => bundle.lock() ?? []);
    const isHeld = (digest: Digest): boolean => bundles.some(({ entries }) => entries.has(digest));
    const required = locks.some(({ since }) => since !== undefined)
      ? locks.flatMap(({ requires = [] }) => requires).filter(({ digest }) => !isHeld(digest))
      : undefined;
    return { bundles, graph, source: together(bundles), required, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function graphOf(
  { emit, signal }: Context,
  bundles: readonly Bundle[],
  wanted: readonly (readonly Root[])[],
  concurrency: number,
): Promise<Graph> {
  const graphs: Graph[] = [];
  for (const [at, bundle] of bundles.entries()) {
    const references = (wanted[at] ?? []).map(({ reference }) => reference);
    // Reading manifests from a bundle is too fast to be worth reporting.
    const quiet: typeof emit = (event) => (event.type === 'image' ? undefined : emit(event));
    const walker = new Walker(bundle, { platforms: [], concurrency, emit: quiet, signal });
    const found = await walker.add(references);
    const attached = await walker.attach(heldFor(walker.graph(), bundle));
    const graph = walker.graph();
    const failures = [...found, ...attached.failures];
    if (failures.length > 0) {
      const errors = failures.map(({ error }) => error);
      throw combine(errors, `${failures.length} entries of the bundle are damaged`);
    }
    graphs.push(graph);
  }
  return merged(bundles, graphs);
}

/** Merges the graphs of several bundles. @throws AirgapError `collision` for a reference with two digests */
function merged(bundles: readonly Bundle[], graphs: readonly Graph[]): Graph {
  const roots = new Map<string, { readonly root: Root; readonly path: string }>();
  for (const [at, graph] of graphs.entries()) {
    const path = bundles[at]?.path ?? '';
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
function together(bundles: readonly Bundle[]): Source {
  const holder = (digest: string): Bundle =>
    bundles.find(({ entries }) => entries.has(digest as Digest)) ?? (bundles[0] as Bundle);
  return {
    manifest: (repository, tagOrDigest) => holder(tagOrDigest).manifest(repository, tagOrDigest),
    blob: (repository, descriptor) => holder(descriptor.digest).blob(repository, descriptor),
  };
}
