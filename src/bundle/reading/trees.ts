import { messageOf } from '../../base/errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import type { ManifestNode } from '../../oci/graph.ts';
import { readLinks } from '../../oci/manifest.ts';
import { formatReference, formatRepository } from '../../oci/reference.ts';
import { type Referrer, referrerKind } from '../../oci/referrer.ts';
import type { Problem } from '../problem.ts';
import type { Bundle } from '../read.ts';
import { invalid } from './tar-index.ts';

/**
 * How often blobs are named, counted once for each image: ten thousand images with 200 each. Many names for one index of
 * many children would go on for ever.
 */
const FOLLOWED = 2_000_000;

/** Digests that a message lists. */
const LISTED = 5;

/** A manifest as far as it names others; `subject` is what it belongs to. */
export type NamingManifest = Pick<ManifestNode, 'descriptor' | 'children' | 'blobs'> & {
  readonly subject: Descriptor | undefined;
};

export interface Trees {
  readonly problems: readonly Problem[];
  /** Every manifest that could be read, by digest. */
  readonly manifests: ReadonlyMap<Digest, NamingManifest>;
  /** By digest, the names of the images and charts that need it. */
  readonly users: ReadonlyMap<Digest, readonly string[]>;
}

/**
 * Follows every name of the index down to its blobs: all are there, with the sizes that are said, but for those that a
 * delta says it leaves out.
 * @param limit how often blobs may be named
 * @throws AirgapError `bundle-invalid` when they are named more often
 */
export async function checkTrees(
  bundle: Bundle,
  damaged: ReadonlySet<Digest>,
  limit: number = FOLLOWED,
): Promise<Trees> {
  const users = new Map<Digest, Set<string>>();
  const problems = new Map<string, Set<string>>();
  const manifests = new Map<Digest, NamingManifest | string>();
  const report = (message: string, name: string): void => {
    problems.set(message, (problems.get(message) ?? new Set()).add(name));
  };
  /** What is not there, or not so large: by digest, and by the size that it should have. */
  const wrong = new Map<Digest, Map<number, Set<string>>>();
  let followed = 0;
  const leftOut = new Map(bundle.lock()?.requires?.map(({ digest, size }) => [digest, size]));
  const isThere = (descriptor: Descriptor, name: string): boolean => {
    const { digest, size } = descriptor;
    if (++followed > limit) throw invalid(bundle.path, 'names its blobs more often than any bundle does');
    users.set(digest, (users.get(digest) ?? new Set()).add(name));
    const entry = bundle.entries.get(digest);
    if (entry === undefined && leftOut.get(digest) === size) return false;
    if (entry?.size !== size) {
      const sizes = wrong.get(digest) ?? new Map<number, Set<string>>();
      wrong.set(digest, sizes.set(size, (sizes.get(size) ?? new Set()).add(name)));
    }
    return entry !== undefined;
  };
  const read = async (digest: Digest): Promise<NamingManifest | string> => {
    const found = manifests.get(digest) ?? (await readManifest(bundle, digest));
    manifests.set(digest, found);
    return found;
  };
  const follow = async (name: string, root: Descriptor): Promise<void> => {
    const seen = new Set<Digest>();
    for (const queue = [root]; queue.length > 0; ) {
      const descriptor = queue.pop() as Descriptor;
      // What is damaged is reported as that; what it said is not known.
      if (!isThere(descriptor, name) || damaged.has(descriptor.digest)) continue;
      if (seen.has(descriptor.digest)) continue;
      seen.add(descriptor.digest);
      const found = await read(descriptor.digest);
      if (typeof found === 'string') {
        report(`${descriptor.digest} cannot be read as a manifest: ${found}`, name);
        continue;
      }
      for (const child of found.children) queue.push(child);
      for (const blob of found.blobs) isThere(blob, name);
    }
  };
  for (const [name, root] of namedRoots(bundle)) await follow(name, root);
  // After what they belong to, which gives them a name: a signature of a signature comes last.
  for (const referrer of bySubject(bundle.referrers())) {
    const name = nameOf(referrer, users.get(referrer.subject));
    const { descriptor, subject, tag } = referrer;
    await follow(name, descriptor);
    const found = damaged.has(descriptor.digest) ? undefined : manifests.get(descriptor.digest);
    const isOther = typeof found === 'object' && tag === undefined && found.subject?.digest !== subject;
    if (isOther) report(`${descriptor.digest} does not belong to ${subject}, for which it is listed`, name);
    if (!bundle.entries.has(subject)) report(`${subject}, which ${descriptor.digest} belongs to, is not there`, name);
  }
  for (const [digest, sizes] of wrong) {
    const there = bundle.entries.get(digest);
    for (const [size, names] of sizes) {
      const what = there === undefined ? 'is not there' : `has ${there.size} bytes instead of ${size}`;
      for (const name of names) report(`${digest} ${what}`, name);
    }
  }
  return {
    problems: [...problems].map(([message, names]) => ({ message, affects: [...names] })),
    manifests: new Map([...manifests].flatMap(([at, found]) => (typeof found === 'string' ? [] : [[at, found]]))),
    users: new Map([...users].map(([digest, names]) => [digest, [...names]])),
  };
}

function namedRoots(bundle: Bundle): [string, Descriptor][] {
  return [
    ...[...bundle.images(), ...bundle.charts()].map(({ reference, descriptor }): [string, Descriptor] => [
      formatReference(reference),
      descriptor,
    ]),
    ...bundle.unnamed().map((descriptor): [string, Descriptor] => [descriptor.digest, descriptor]),
  ];
}

/** Each after what it belongs to; those that belong to each other come last. */
function bySubject(referrers: readonly Referrer[]): readonly Referrer[] {
  const own = new Set(referrers.map(({ descriptor }) => descriptor.digest));
  const following = Map.groupBy(referrers, ({ subject }) => subject);
  // What is added while it goes on is gone through as well.
  const ordered = new Set(referrers.filter(({ subject }) => !own.has(subject)));
  for (const { descriptor } of ordered) for (const next of following.get(descriptor.digest) ?? []) ordered.add(next);
  return [...new Set([...ordered, ...referrers])];
}

function nameOf(referrer: Referrer, users: ReadonlySet<string> = new Set()): string {
  const { repository, subject } = referrer;
  const [user = `${formatRepository(repository)}@${subject}`] = users;
  return `the ${referrerKind(referrer)} of ${user}`;
}

/**
 * Blobs that nothing leads to: no name of the index, not the lock, not its signature. No digest that anybody signed stands
 * for them. Only of a bundle whose manifests can all be read.
 */
export async function checkOrphans(bundle: Bundle, users: Trees['users']): Promise<Problem[]> {
  const own = [bundle.lockDigest, bundle.signature?.digest].filter((digest) => digest !== undefined);
  if (bundle.lock() === undefined) return [];
  const named = new Set<Digest>(own);
  for (const digest of own) {
    const found = await readManifest(bundle, digest);
    if (typeof found !== 'string') for (const blob of found.blobs) named.add(blob.digest);
  }
  const orphans = [...bundle.entries.keys()].filter((digest) => !users.has(digest) && !named.has(digest));
  if (orphans.length === 0) return [];
  const more = orphans.length > LISTED ? ` and ${orphans.length - LISTED} more` : '';
  const message = `nothing leads to ${orphans.slice(0, LISTED).join(', ')}${more}: neither the index, nor the lock, nor its signature`;
  return [{ message, affects: [] }];
}

async function readManifest(bundle: Bundle, digest: Digest): Promise<NamingManifest | string> {
  try {
    const { descriptor, bytes } = await bundle.manifest({ registry: '', path: '' }, digest);
    const { manifests: children, blobs, subject } = readLinks(descriptor.mediaType, bytes);
    return { descriptor, children, blobs, subject };
  } catch (error) {
    return messageOf(error);
  }
}
