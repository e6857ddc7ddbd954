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

/** What is going to be pushed: one bundle, or several as if they were one. */
export interface Cargo {
  readonly bundles: readonly Bundle[];
  readonly graph: Graph;
  readonly source: Source;
  /** What deltas leave out and none of the bundles holds; undefined when none is a delta. */
  readonly required: readonly RequiredBlob[] | undefined;
  close(): Promise<void>;
}

export interface LoadOptions {
  /** Bundles, pushed as if they were one. */
  readonly files: readonly string[];
  readonly selection: Selection;
  readonly concurrency: number;
  /** The name of what another tool's archive names by a tag alone, or not at all when it is the only one. */
  readonly as?: Reference;
  /** The public key that has to have signed each of them. */
  readonly signer?: SigningKey['publicKey'] | undefined;
}

/**
 * Opens bundles and reads every manifest of what is wanted.
 * @throws AirgapError what opening and choosing throw; `unsupported` for an archive that does not name its images; `signature` for one that is not signed by the key; `collision` for a name with two contents, `several` for damage
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
    // Reading manifests out of a bundle is no progress worth telling.
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

/** @throws AirgapError `collision` for a reference that has another digest in another bundle */
function merged(bundles: readonly Bundle[], graphs: readonly Graph[]): Graph {
  const roots = new Map<string, { readonly root: Root; readonly path: string }>();
  for (const [at, graph] of graphs.entries()) {
    const path = bundles[at]?.path ?? '';
    for (const root of graph.roots) {
      const name = formatReference(root.reference);
      const known = roots.get(name);
      if (known !== undefined && known.root.descriptor.digest !== root.descriptor.digest) {
        throw new AirgapError('collision', `${name} is not the same in ${known.path} and in ${path}`, {
          hint: 'push them one after the other, the older first, and the newer with --on-existing-tag overwrite',
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

/** Content is asked for by digest: any bundle that has it will do. */
function together(bundles: readonly Bundle[]): Source {
  const holder = (digest: string): Bundle =>
    bundles.find(({ entries }) => entries.has(digest as Digest)) ?? (bundles[0] as Bundle);
  return {
    manifest: (repository, tagOrDigest) => holder(tagOrDigest).manifest(repository, tagOrDigest),
    blob: (repository, descriptor) => holder(descriptor.digest).blob(repository, descriptor),
  };
}
