import { messageOf } from '../base/errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { type Links, readLinks } from '../oci/manifest.ts';
import { formatReference } from '../oci/reference.ts';
import type { Problem } from './problem.ts';
import type { Bundle } from './read.ts';

export interface Trees {
  readonly problems: readonly Problem[];
  /** By digest, the names of the images and charts that need it. */
  readonly users: ReadonlyMap<Digest, readonly string[]>;
}

/**
 * Follows every name of the index down to its blobs: all are there, with the sizes that are said, but for those that a
 * delta says it leaves out.
 */
export async function checkTrees(bundle: Bundle, damaged: ReadonlySet<Digest>): Promise<Trees> {
  const users = new Map<Digest, Set<string>>();
  const problems = new Map<string, Set<string>>();
  const manifests = new Map<Digest, Promise<Links | string>>();
  const report = (message: string, name: string): void => {
    problems.set(message, (problems.get(message) ?? new Set()).add(name));
  };
  const leftOut = new Map(bundle.lock()?.requires?.map(({ digest, size }) => [digest, size]));
  const isThere = (descriptor: Descriptor, name: string): boolean => {
    const { digest, size } = descriptor;
    users.set(digest, (users.get(digest) ?? new Set()).add(name));
    const entry = bundle.entries.get(digest);
    if (entry === undefined && leftOut.get(digest) === size) return false;
    if (entry === undefined) report(`${digest} is not there`, name);
    else if (entry.size !== size) report(`${digest} has ${entry.size} bytes instead of ${size}`, name);
    return entry !== undefined;
  };
  const read = (digest: Digest): Promise<Links | string> => {
    const known = manifests.get(digest);
    if (known !== undefined) return known;
    const reading = readManifest(bundle, digest);
    manifests.set(digest, reading);
    return reading;
  };
  for (const [name, root] of namedRoots(bundle)) {
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

async function readManifest(bundle: Bundle, digest: Digest): Promise<Links | string> {
  try {
    const { descriptor, bytes } = await bundle.manifest({ registry: '', path: '' }, digest);
    return readLinks(descriptor.mediaType, bytes);
  } catch (error) {
    return messageOf(error);
  }
}
