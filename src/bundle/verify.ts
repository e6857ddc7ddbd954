import { basename } from 'node:path';
import { AirgapError } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { printableLine, quoted } from '../base/printable.ts';
import { runStep } from '../base/step.ts';
import { toolPath } from '../inventory/tool-names.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import { dockerSaveFile, readDockerSave, type SavedImage } from './format/docker-save.ts';
import type { TarEntry } from './format/tar-index.ts';
import type { Bundle } from './reading/bundle.ts';
import { type BlobHasher, damagedBlobs, damagedTools } from './verifying/hashing.ts';
import { type BundleProblem, checkAgainstInventory } from './verifying/inventory-check.ts';
import { checkOrphans, checkTrees, type ManifestTrees } from './verifying/trees.ts';

export interface VerifyOptions {
  /** Additional hashers, such as worker threads; default none. */
  readonly hashers?: readonly BlobHasher[];
  readonly emit: Emit;
  readonly signal?: AbortSignal;
}

export type { BundleProblem } from './verifying/inventory-check.ts';

/**
 * Checks every byte of a bundle offline: blobs and tools against their digests, descriptors in manifests, the index, inventory,
 * charts and `manifest.json` against each other, and, unless another tool packed the archive, all bytes between the
 * contents.
 * @returns all problems; empty if the bundle is intact
 * @throws AirgapError `interrupted`
 */
export async function verifyBundle(bundle: Bundle, options: VerifyOptions): Promise<BundleProblem[]> {
  const { hashers = [], emit, signal } = options;
  const blobs = [
    ...[...bundle.entries].map(([digest, { size }]) => ({ digest, bytes: size })),
    ...(bundle.inventory()?.tools ?? []).map(({ digest, size }) => ({ digest, bytes: size })),
  ];
  emit({ type: 'plan', activity: 'verifying', blobs });
  const hash = async () => ({
    blobs: await damagedBlobs(bundle, { hashers, emit, signal }),
    tools: await damagedTools(bundle, { emit, signal }),
  });
  const damaged = await hash().catch((error: unknown) => {
    if (signal?.aborted) throw new AirgapError('interrupted', 'interrupted', { cause: error });
    throw error;
  });
  return runStep(emit, `checking the structure of ${printableLine(basename(bundle.path))}`, () =>
    checkStructure(bundle, damaged.blobs, damaged.tools),
  );
}

async function checkStructure(
  bundle: Bundle,
  damaged: ReadonlySet<Digest>,
  tools: readonly string[],
): Promise<BundleProblem[]> {
  const trees = await checkTrees(bundle, damaged);
  const hashes = [...damaged].sort().map((digest) => ({
    message: `the content of ${digest} is damaged`,
    affects: trees.users.get(digest) ?? [],
  }));
  const { differences } = await bundle.checkPacking();
  const bytes = [
    ...differences.map(({ position }) => ({ offset: position, size: 1 })),
    ...tools.flatMap((name) => bundle.tools.get(name) ?? []),
  ];
  const parts = await checkParts(bundle, damaged, bytes, trees.users);
  const packing = differences.map(({ message }) => ({ message, affects: [] }));
  // The blobs of damaged manifests are not known.
  const isWhole = damaged.size + trees.problems.length === 0;
  const orphans = isWhole ? await checkOrphans(bundle, trees.users) : [];
  const agreement = [
    ...checkAgainstInventory(bundle),
    ...checkDockerSave(bundle, await bundle.dockerSave(), isWhole ? trees : undefined),
  ];
  const toolHashes = tools.map((name) => ({ message: `the content of ${toolPath(name)} is damaged`, affects: [] }));
  return [...parts, ...hashes, ...toolHashes, ...trees.problems, ...orphans, ...agreement, ...packing];
}

/** Returns the damaged parts. Only parts with damaged content are read again. */
async function checkParts(
  bundle: Bundle,
  damaged: ReadonlySet<Digest>,
  bytes: readonly TarEntry[],
  users: ManifestTrees['users'],
): Promise<BundleProblem[]> {
  if (damaged.size + bytes.length === 0) {
    if (await bundle.hasMatchingIndex()) return [];
    return [{ message: 'the split index belongs to another bundle or does not match these parts', affects: [] }];
  }
  return (await bundle.damagedParts(damaged, bytes)).map(({ message, digests }) => ({
    message,
    affects: [...new Set(digests.flatMap((digest) => users.get(digest) ?? []))],
  }));
}

/**
 * Checks `manifest.json`, which no digest covers although `docker load` trusts it. Its files must exist; in a bundle it
 * must equal, byte for byte, the file generated from the index.
 * @param trees undefined if manifests are damaged; then only the existence of files is checked
 */
function checkDockerSave(
  bundle: Bundle,
  dockerSave: Uint8Array | undefined,
  trees: Pick<ManifestTrees, 'manifests'> | undefined,
): BundleProblem[] {
  const { entries } = bundle;
  const inventory = bundle.inventory();
  const problem = (what: string): BundleProblem[] => [
    { message: `manifest.json (for docker load) ${what}`, affects: [] },
  ];
  if (dockerSave !== undefined) {
    const saved = readDockerSave(dockerSave);
    if (saved === undefined) return problem('cannot be read');
    for (const name of saved.flatMap(({ Config, Layers }) => [Config, ...Layers])) {
      const digest = name.replace(/^blobs\//, '').replace('/', ':');
      if (!isDigest(digest) || !entries.has(digest)) return problem(`names ${quoted(name)}, which is missing`);
    }
  }
  if (inventory === undefined || trees === undefined) return [];
  // `docker load` needs all layers, which a delta does not have.
  const isDelta = (inventory.requires ?? []).length > 0;
  const expected = isDelta ? undefined : dockerSaveFile({ roots: bundle.images(), manifests: trees.manifests });
  if (expected === undefined)
    return dockerSave === undefined ? [] : problem('is present, but a delta must not have one');
  if (dockerSave === undefined) return problem('is missing');
  if (Buffer.compare(dockerSave, expected) === 0) return [];
  return problem(`does not match the index: ${describeDifference(dockerSave, expected)}`);
}

/** Describes the first tag that would load another image. Other differences do not affect readers. */
function describeDifference(actual: Uint8Array, expected: Uint8Array): string {
  const [actualContent, expectedContent] = [actual, expected].map((bytes) => contentByTag(readDockerSave(bytes) ?? []));
  for (const [tag, content] of actualContent ?? []) {
    const expectedForTag = expectedContent?.get(tag);
    if (expectedForTag === undefined) return `unexpected tag ${quoted(tag)}`;
    if (expectedForTag !== content) return `different content for ${quoted(tag)}`;
  }
  const missing = [...(expectedContent ?? [])].find(([tag]) => !actualContent?.has(tag));
  return missing === undefined ? 'different formatting' : `missing tag ${quoted(missing[0])}`;
}

function contentByTag(saved: readonly SavedImage[]): ReadonlyMap<string, string> {
  return new Map(
    saved.flatMap(({ Config, RepoTags, Layers }) =>
      RepoTags.map((tag) => [tag, [Config, ...Layers].join(' ')] as const),
    ),
  );
}
