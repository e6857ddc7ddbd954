import { messageOf } from '../../base/errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { type Links, readLinks } from '../../oci/manifest.ts';
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

export interface Trees {
  readonly problems: readonly Problem[];
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
  const manifests = new Map<Digest, Promise<Links | string>>();
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
  const read = (digest: Digest): Promise<Links | string> => {
    const known = manifests.get(digest);
    if (known !== undefined) return known;
    const reading = readManifest(bundle, digest);
    manifests.set(digest, reading);
    return reading;
  };
  const follow = async (name: string, root: Descriptor): Promise<void> => {
    const seen = new Set<Digest>();
    for (const queue = [root]; queue.length > 0; ) {
      const descriptor = queue.pop() as Descriptor;
      if (seen.has(descriptor.digest)) continue;
      seen.add(descriptor.digest);
      // What is damaged is reported as that; what it said is not known.
      if (!isThere(descriptor, name) || damaged.has(descriptor.digest)) continue;
      const links = await read(descriptor.digest);
      if (typeof links === 'string') {
        report(`${descriptor.digest} cannot be read as a manifest: ${links}`, name);
        continue;
      }
      queue.push(...links.manifests);
      for (const blob of links.blobs) isThere(blob, name);
    }
  };
  for (const [name, root] of namedRoots(bundle)) await follow(name, root);
  // After what they belong to, which gives them a name: a signature of a signature comes last.
  for (const referrer of bySubject(bundle.referrers())) {
    const name = nameOf(referrer, users.get(referrer.subject));
    const { descriptor, subject, tag } = referrer;
    await follow(name, descriptor);
    const links = damaged.has(descriptor.digest) ? undefined : await manifests.get(descriptor.digest);
    const isOther = typeof links === 'object' && tag === undefined && links.subject?.digest !== subject;
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

/** Each after what it belongs to. */
function bySubject(referrers: readonly Referrer[]): readonly Referrer[] {
  const own = new Set(referrers.map(({ descriptor }) => descriptor.digest));
  const ready = referrers.filter(({ subject }) => !own.has(subject));
  const rest = referrers.filter(({ subject }) => own.has(subject));
  return ready.length === 0 || rest.length === 0 ? [...ready, ...rest] : [...ready, ...bySubject(rest)];
}

function nameOf(referrer: Referrer, users: ReadonlySet<string> = new Set()): string {
  const { repository, subject } = referrer;
  const [user = `${formatRepository(repository)}@${subject}`] = users;
  return `the ${referrerKind(referrer)} of ${user}`;
}

async function readManifest(bundle: Bundle, digest: Digest): Promise<Links | string> {
  try {
    const { descriptor, bytes } = await bundle.manifest({ registry: '', path: '' }, digest);
    return readLinks(descriptor.mediaType, bytes);
  } catch (error) {
    return messageOf(error);
  }
}
