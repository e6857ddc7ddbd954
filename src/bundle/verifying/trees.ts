import { firstOf } from '../../base/count.ts';
import { messageOf } from '../../base/errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import type { ManifestNode } from '../../oci/graph.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { formatReference, formatRepository } from '../../oci/reference.ts';
import { type Referrer, referrerKind } from '../../oci/referrer.ts';
import { invalidBundle } from '../files/errors.ts';
import type { Bundle } from '../reading/bundle.ts';
import type { BundleProblem } from './inventory-check.ts';

/**
 * Maximum number of links followed, summed over all images: ten thousand images with 200 blobs each. Bounds the time
 * for hostile bundles in which many names refer to one large index.
 */
const MAX_LINKS = 2_000_000;

/** Maximum number of digests in a message. */
const MAX_SHOWN = 5;

/** Links of a manifest. */
type LinkedManifest = Pick<ManifestNode, 'descriptor' | 'children' | 'blobs'> & {
  readonly subject: Descriptor | undefined;
};

export interface ManifestTrees {
  readonly problems: readonly BundleProblem[];
  /** All readable manifests by digest. */
  readonly manifests: ReadonlyMap<Digest, LinkedManifest>;
  /** Names of the images and charts that need a digest. */
  readonly users: ReadonlyMap<Digest, readonly string[]>;
}

/**
 * Follows every entry of the index down to its blobs and checks that all exist with their declared sizes, except those
 * that a delta omits.
 * @param limit maximum number of links
 * @throws AirgapError `bundle-invalid` if there are more links
 */
export async function checkTrees(
  bundle: Bundle,
  damaged: ReadonlySet<Digest>,
  limit: number = MAX_LINKS,
): Promise<ManifestTrees> {
  const users = new Map<Digest, Set<string>>();
  const problems = new Map<string, Set<string>>();
  const manifests = new Map<Digest, LinkedManifest | string>();
  const report = (message: string, name: string): void => {
    problems.set(message, (problems.get(message) ?? new Set()).add(name));
  };
  /** Names that need a missing blob or one of another size, by digest and expected size. */
  const sizeMismatches = new Map<Digest, Map<number, Set<string>>>();
  let links = 0;
  const leftOut = new Map(bundle.inventory()?.requires?.map(({ digest, size }) => [digest, size]));
  const checkEntry = (descriptor: Descriptor, name: string): boolean => {
    const { digest, size } = descriptor;
    if (++links > limit) throw invalidBundle(bundle.path, `has more than ${limit} links from images to blobs`);
    users.set(digest, (users.get(digest) ?? new Set()).add(name));
    const entry = bundle.entries.get(digest);
    if (entry === undefined && leftOut.get(digest) === size) return false;
    if (entry?.size !== size) {
      const sizes = sizeMismatches.get(digest) ?? new Map<number, Set<string>>();
      sizeMismatches.set(digest, sizes.set(size, (sizes.get(size) ?? new Set()).add(name)));
    }
    return entry !== undefined;
  };
  const read = async (digest: Digest): Promise<LinkedManifest | string> => {
    const found = manifests.get(digest) ?? (await readManifest(bundle, digest));
    manifests.set(digest, found);
    return found;
  };
  const follow = async (name: string, root: Descriptor): Promise<void> => {
    const seen = new Set<Digest>();
    for (const queue = [root]; queue.length > 0; ) {
      const descriptor = queue.pop() as Descriptor;
      // Damaged manifests are reported elsewhere; their links are not known.
      if (!checkEntry(descriptor, name) || damaged.has(descriptor.digest)) continue;
      if (seen.has(descriptor.digest)) continue;
      seen.add(descriptor.digest);
      const found = await read(descriptor.digest);
      if (typeof found === 'string') {
        report(`${descriptor.digest} cannot be read as a manifest: ${found}`, name);
        continue;
      }
      for (const child of found.children) queue.push(child);
      for (const blob of found.blobs) checkEntry(blob, name);
    }
  };
  for (const [name, root] of labelledRoots(bundle)) await follow(name, root);
  // Subjects come first because referrers are labelled with their users.
  for (const referrer of subjectsFirst(bundle.referrers())) {
    const name = referrerLabel(referrer, users.get(referrer.subject));
    const { descriptor, subject, tag } = referrer;
    await follow(name, descriptor);
    const found = damaged.has(descriptor.digest) ? undefined : manifests.get(descriptor.digest);
    const hasOtherSubject = typeof found === 'object' && tag === undefined && found.subject?.digest !== subject;
    if (hasOtherSubject)
      report(`${descriptor.digest} is listed as a referrer of ${subject} but has another subject`, name);
    if (!bundle.entries.has(subject)) report(`${subject}, the subject of ${descriptor.digest}, is missing`, name);
  }
  for (const [digest, sizes] of sizeMismatches) {
    const entry = bundle.entries.get(digest);
    for (const [size, names] of sizes) {
      const what = entry === undefined ? 'is missing' : `has ${entry.size} bytes, expected ${size}`;
      for (const name of names) report(`${digest} ${what}`, name);
    }
  }
  return {
    problems: [...problems].map(([message, names]) => ({ message, affects: [...names] })),
    manifests: new Map(
      [...manifests].flatMap(([digest, found]) => (typeof found === 'string' ? [] : [[digest, found]])),
    ),
    users: new Map([...users].map(([digest, names]) => [digest, [...names]])),
  };
}

function labelledRoots(bundle: Bundle): [string, Descriptor][] {
  return [
    ...[...bundle.images(), ...bundle.charts()].map(({ reference, descriptor }): [string, Descriptor] => [
      formatReference(reference),
      descriptor,
    ]),
    ...bundle.unnamed().map((descriptor): [string, Descriptor] => [descriptor.digest, descriptor]),
  ];
}

/** Sorts referrers after their subjects; cycles come last. */
function subjectsFirst(referrers: readonly Referrer[]): readonly Referrer[] {
  const digests = new Set(referrers.map(({ descriptor }) => descriptor.digest));
  const bySubject = Map.groupBy(referrers, ({ subject }) => subject);
  // The loop also visits referrers that it adds.
  const ordered = new Set(referrers.filter(({ subject }) => !digests.has(subject)));
  for (const { descriptor } of ordered) for (const next of bySubject.get(descriptor.digest) ?? []) ordered.add(next);
  return [...new Set([...ordered, ...referrers])];
}

function referrerLabel(referrer: Referrer, users: ReadonlySet<string> = new Set()): string {
  const { repository, subject } = referrer;
  const [user = `${formatRepository(repository)}@${subject}`] = users;
  return `the ${referrerKind(referrer)} of ${user}`;
}

/**
 * Finds blobs that neither the index, nor the inventory, nor its signature refers to: no signature covers them.
 * Requires that all manifests are readable.
 */
export async function checkOrphans(bundle: Bundle, users: ManifestTrees['users']): Promise<BundleProblem[]> {
  const rootDigests = [bundle.inventoryDigest, bundle.signature?.digest].filter((digest) => digest !== undefined);
  if (bundle.inventory() === undefined) return [];
  const referenced = new Set<Digest>(rootDigests);
  for (const digest of rootDigests) {
    const found = await readManifest(bundle, digest);
    if (typeof found !== 'string') for (const blob of found.blobs) referenced.add(blob.digest);
  }
  const orphans = [...bundle.entries.keys()].filter((digest) => !users.has(digest) && !referenced.has(digest));
  if (orphans.length === 0) return [];
  const message = `not referenced by the index, the inventory or its signature: ${firstOf(orphans, MAX_SHOWN)}`;
  return [{ message, affects: [] }];
}

async function readManifest(bundle: Bundle, digest: Digest): Promise<LinkedManifest | string> {
  try {
    const { descriptor, bytes } = await bundle.manifest({ registry: '', path: '' }, digest);
    const { manifests: children, blobs, subject } = parseManifest(descriptor.mediaType, bytes);
    return { descriptor, children, blobs, subject };
  } catch (error) {
    return messageOf(error);
  }
}
