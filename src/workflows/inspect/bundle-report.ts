import { basename } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { printableLine } from '../../base/printable.ts';
import { runStep } from '../../base/step.ts';
import { openCheckedBundle } from '../../bundle/open.ts';
import type { Bundle } from '../../bundle/reading/bundle.ts';
import type { RequiredSigner } from '../../bundle/signing/check-signature.ts';
import type { Inventory } from '../../inventory/inventory.ts';
import { readVerdicts, type Verdicts } from '../../inventory/verdicts.ts';
import { closureOf, type Graph } from '../../oci/graph.ts';
import { formatReference } from '../../oci/reference.ts';
import type { Context } from '../../session/context.ts';
import { walk } from '../../transfer/walk.ts';
import { platformImages } from '../extract/select-platform.ts';
import { type ContentSizes, contentSizes } from './content-sizes.ts';
import { type Diff, diffSince } from './diff.ts';
import { type Inspection, summarize, verifiedSigners } from './inspect.ts';
import { type OverrideCoverage, overrideCoverage } from './override-coverage.ts';
import { type OverridesProof, type ProofRequest, proveOverrides } from './overrides-proof.ts';

/** Everything that a person needs to approve a bundle. */
export interface BundleReport {
  readonly inspection: Inspection & { readonly lock: Inventory };
  readonly sizes: ContentSizes;
  readonly overrides: OverrideCoverage;
  /** Proof of the overrides for one registry. */
  readonly proof?: OverridesProof;
  /** Differences from an older bundle. */
  readonly since?: Diff;
  readonly scan?: Verdicts & {
    /** Images that have no verdict, or none for one of their platforms. */
    readonly unscanned: readonly string[];
  };
}

export interface ReportOptions {
  /** Public keys that must all have signed the bundle. */
  readonly signers?: readonly RequiredSigner[];
  /** Older bundle, or its exported inventory. */
  readonly since?: string | undefined;
  /** File of verdicts of `verify --with`. */
  readonly verdicts?: string | undefined;
  /** Registry and values for which the overrides are proved by rendering; needs Helm. */
  readonly prove?: ProofRequest | undefined;
  /** Manifests read at the same time. */
  readonly concurrency: number;
}

/**
 * Reads a bundle for a report. Its layers are not read: `verify` checks them.
 * @throws AirgapError `bundle-invalid`, also for another tool's archive; `signature`; `config` for verdicts of other images;
 * those of `proveOverrides`
 */
export async function bundleReport(
  context: Context,
  file: string,
  { signers = [], since, verdicts, prove, concurrency }: ReportOptions,
): Promise<BundleReport> {
  const { emit } = context;
  const scan = verdicts === undefined ? undefined : await readVerdicts(verdicts);
  const source = await openCheckedBundle(file, { signers, emit });
  try {
    const lock = source.inventory();
    if (lock === undefined) {
      throw new AirgapError('unsupported', `${source.path} has no inventory, which a report is made of`, {
        hint: 'only bundles have one; inspect without -o html lists the images of any archive',
      });
    }
    const graph = await runStep(emit, `reading the manifests of ${printableLine(basename(file))}`, () =>
      readGraph(source, concurrency),
    );
    if (scan !== undefined && verdicts !== undefined) checkVerdicts(scan, verdicts, source, graph);
    return {
      inspection: { ...(await summarize(source)), ...verifiedSigners(signers), lock },
      sizes: contentSizes(source, graph),
      overrides: overrideCoverage(lock),
      ...(scan && { scan: { ...scan, unscanned: await unscannedImages(scan, source, graph) } }),
      // The open file: another one may have its name by now.
      ...(since !== undefined && { since: await diffSince(since, source, emit) }),
      ...(prove !== undefined && { proof: await proveOverrides(context, source, prove) }),
    };
  } finally {
    await source.close();
  }
}

async function readGraph(source: Bundle, concurrency: number): Promise<Graph> {
  const references = [...source.images(), ...source.charts()].map(({ reference }) => reference);
  const { graph, failures } = await walk(source, references, { platforms: [], concurrency });
  const [failure] = failures;
  if (failure === undefined) return graph;
  throw new AirgapError('bundle-invalid', `${source.path} is damaged: ${failure.error.message}`, {
    hint: 'check it with helm airgap verify, and copy it again',
    cause: failure.error,
  });
}

/** Refuses verdicts that are about other content than the bundle's, such as those of an older bundle. */
function checkVerdicts({ verdicts }: Verdicts, path: string, source: Bundle, graph: Graph): void {
  const digests = new Map(
    source.images().map(({ reference, descriptor }) => [formatReference(reference), descriptor.digest]),
  );
  const members = new Map<string, ReadonlySet<string>>();
  const foreign = verdicts.find(({ image, digest, manifest }) => {
    const bundled = digests.get(image);
    if (bundled !== digest) return true;
    const below = members.get(digest) ?? new Set<string>(closureOf(graph, bundled).manifests);
    members.set(digest, below);
    return !below.has(manifest);
  });
  if (foreign === undefined) return;
  throw new AirgapError('config', `${path} is about another bundle: ${foreign.image} has another digest there`, {
    hint: 'scan this bundle: helm airgap verify BUNDLE --with COMMAND --verdicts FILE',
  });
}

async function unscannedImages({ verdicts }: Verdicts, source: Bundle, graph: Graph): Promise<string[]> {
  const judged = new Set(verdicts.map(({ image, manifest }) => `${image} ${manifest}`));
  const unscanned: string[] = [];
  for (const root of source.images()) {
    const name = formatReference(root.reference);
    const images = await platformImages(source, graph, root);
    // Artifacts that are no container images are handed to the scanner as they are.
    const digests = images.length === 0 ? [root.descriptor.digest] : images.map(({ descriptor }) => descriptor.digest);
    if (digests.some((digest) => !judged.has(`${name} ${digest}`))) unscanned.push(name);
  }
  return unscanned;
}
