import type { Digest } from '../oci/digest.ts';
import { formatReference, formatRepository, parseReference } from '../oci/reference.ts';
import type { Bundle, BundleChart } from './read.ts';

/** What is different between two bundles. */
export interface BundleDifference {
  readonly charts: {
    readonly added: readonly ChartIn[];
    readonly removed: readonly ChartIn[];
    /** Another version of the same chart, or other content under the same version. */
    readonly changed: readonly { readonly name: string; readonly from: ChartVersion; readonly to: ChartVersion }[];
  };
  readonly images: {
    readonly added: readonly ImageIn[];
    readonly removed: readonly ImageIn[];
    /** The one tag or digest of a repository that is gone, and the one that came instead. */
    readonly retagged: readonly { readonly from: ImageIn; readonly to: ImageIn }[];
    /** The same reference with another digest. */
    readonly moved: readonly MovedImage[];
  };
  /** What the newer one has and the older one lacks: manifests and blobs, its lock included. */
  readonly carry: Amount;
  /** What both have. */
  readonly shared: Amount;
}

export interface ChartVersion {
  readonly version: string;
  /** Of the chart's OCI manifest. */
  readonly digest: Digest;
}

export interface ChartIn extends ChartVersion {
  readonly name: string;
}

export interface ImageIn {
  readonly reference: string;
  readonly digest: Digest;
}

export interface MovedImage {
  readonly reference: string;
  readonly from: Digest;
  readonly to: Digest;
  /** `platforms`: the source had the same in both, and other platforms of it were bundled. */
  readonly because: 'content' | 'platforms';
}

export interface Amount {
  readonly blobs: number;
  readonly bytes: number;
}

type Comparable = Pick<Bundle, 'entries' | 'images' | 'charts' | 'lock'>;

/** Compares what two bundles hold, by the names in their indexes and the entries of their archives. */
export function differenceOf(older: Comparable, newer: Comparable): BundleDifference {
  return {
    charts: chartsOf(older.charts(), newer.charts()),
    images: imagesOf(older, newer),
    ...amountsOf(older, newer),
  };
}

/** Whether a chart or an image is different. */
export function isDifferent({ charts, images }: Pick<BundleDifference, 'charts' | 'images'>): boolean {
  return [...Object.values(charts), ...Object.values(images)].some((list) => list.length > 0);
}

/** Of charts that are there in several versions, those that are alike are each other's before and after. */
const ALIKE: readonly ((a: ChartIn, b: ChartIn) => boolean)[] = [
  (a, b) => a.version === b.version && a.digest === b.digest,
  (a, b) => a.version === b.version,
  () => true,
];

function chartsOf(older: readonly BundleChart[], newer: readonly BundleChart[]): BundleDifference['charts'] {
  let removed = older.map(chartIn);
  const added = newer.map(chartIn);
  const changed: BundleDifference['charts']['changed'][number][] = [];
  for (const alike of ALIKE) {
    removed = removed.filter((before) => {
      const at = added.findIndex((after) => after.name === before.name && alike(before, after));
      if (at < 0) return true;
      const [after] = added.splice(at, 1) as [ChartIn];
      const [from, to] = [versionOf(before), versionOf(after)];
      if (from.digest !== to.digest || from.version !== to.version) changed.push({ name: before.name, from, to });
      return false;
    });
  }
  return { added, removed, changed: changed.sort((a, b) => compare(a.name, b.name)) };
}

function imagesOf(older: Comparable, newer: Comparable): BundleDifference['images'] {
  const before = rootsOf(older);
  const after = rootsOf(newer);
  const moved: MovedImage[] = [];
  for (const [reference, { descriptor, sourceDigest }] of before) {
    const next = after.get(reference);
    if (next === undefined || next.descriptor.digest === descriptor.digest) continue;
    const isSame = (sourceDigest ?? descriptor.digest) === (next.sourceDigest ?? next.descriptor.digest);
    const because = isSame ? 'platforms' : 'content';
    moved.push({ reference, from: descriptor.digest, to: next.descriptor.digest, because });
  }
  return { ...pairsOf(without(before, after), without(after, before)), moved };
}

type Roots = ReadonlyMap<string, ReturnType<Bundle['images']>[number]>;

function rootsOf(bundle: Comparable): Roots {
  return new Map(bundle.images().map((root) => [formatReference(root.reference), root]));
}

function without(roots: Roots, others: Roots): ImageIn[] {
  return [...roots].flatMap(([reference, { descriptor }]) =>
    others.has(reference) ? [] : [{ reference, digest: descriptor.digest }],
  );
}

/** Takes out of what is gone and what came the pairs that are one image in two versions, where there is no doubt. */
function pairsOf(
  removed: readonly ImageIn[],
  added: readonly ImageIn[],
): Pick<BundleDifference['images'], 'added' | 'removed' | 'retagged'> {
  const gone = Map.groupBy(removed, repositoryOf);
  const come = Map.groupBy(added, repositoryOf);
  const retagged = [...gone].flatMap(([repository, from]) => {
    const [before, ...others] = from;
    const [after, ...more] = come.get(repository) ?? [];
    return before && after && others.length + more.length === 0 ? [{ from: before, to: after }] : [];
  });
  const paired = new Set(retagged.flatMap(({ from, to }) => [from, to]));
  const isAlone = (image: ImageIn): boolean => !paired.has(image);
  return { added: added.filter(isAlone), removed: removed.filter(isAlone), retagged };
}

function repositoryOf({ reference }: ImageIn): string {
  return formatRepository(parseReference(reference));
}

function amountsOf(older: Comparable, newer: Comparable): Pick<BundleDifference, 'carry' | 'shared'> {
  const before = sizesOf(older);
  const carry = { blobs: 0, bytes: 0 };
  const shared = { blobs: 0, bytes: 0 };
  for (const [digest, size] of sizesOf(newer)) {
    const amount = before.has(digest) ? shared : carry;
    amount.blobs += 1;
    amount.bytes += size;
  }
  return { carry, shared };
}

/** Bytes by digest. What a delta leaves out belongs to it too: whoever has the delta has that. */
function sizesOf(bundle: Comparable): ReadonlyMap<string, number> {
  return new Map<string, number>([
    ...(bundle.lock()?.requires ?? []).map(({ digest, size }) => [digest, size] as const),
    ...[...bundle.entries].map(([digest, { size }]) => [digest, size] as const),
  ]);
}

function chartIn({ name, version, descriptor }: BundleChart): ChartIn {
  return { name, version, digest: descriptor.digest };
}

function versionOf({ version, digest }: ChartIn): ChartVersion {
  return { version, digest };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
