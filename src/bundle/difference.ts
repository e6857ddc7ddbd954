import type { ExportedLock } from '../lock/exported.ts';
import type { Digest } from '../oci/digest.ts';
import { formatReference, formatRepository, parseReference } from '../oci/reference.ts';
import type { Bundle } from './read.ts';
import { type Belonging, belongingIn, type ReferrerDifference, referrerDifference } from './referrer-difference.ts';

/** Differences between two bundles. */
export interface BundleDifference {
  readonly charts: {
    readonly added: readonly ChartIn[];
    readonly removed: readonly ChartIn[];
    /** Charts with another version, or with other content under the same version. */
    readonly changed: readonly { readonly name: string; readonly from: ChartVersion; readonly to: ChartVersion }[];
  };
  readonly images: {
    readonly added: readonly ImageIn[];
    readonly removed: readonly ImageIn[];
    /** Pairs of the only removed and the only added reference of a repository. */
    readonly retagged: readonly { readonly from: ImageIn; readonly to: ImageIn }[];
    /** References with another digest. */
    readonly moved: readonly MovedImage[];
  };
  /** Referrers of images and charts that are the same in both. */
  readonly referrers: ReferrerDifference;
  /** Manifests and blobs that only the newer bundle has, including its inventory. */
  readonly carry: Amount;
  /** Manifests and blobs that both bundles have. */
  readonly shared: Amount;
}

export interface ChartVersion {
  readonly version: string;
  /** Digest of the chart's OCI manifest. */
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
  /** `platforms`: same image at the source, but another platform subset. */
  readonly because: 'content' | 'platforms';
}

export interface Amount {
  readonly blobs: number;
  readonly bytes: number;
}

/** Properties of a bundle that are compared. */
export interface Compared {
  readonly charts: readonly ChartIn[];
  readonly images: readonly ComparedImage[];
  readonly belonging: Belonging;
  /** Bytes of its manifests and blobs, including blobs that a delta omits, because its receiver has them. */
  readonly sizes: ReadonlyMap<string, number>;
}

interface ComparedImage extends ImageIn {
  /** Digest at the source, if a platform subset replaced the index. */
  readonly sourceDigest?: Digest;
}

/** Returns the comparable properties of an open bundle, from its index and its archive. */
export function comparedBundle(bundle: Pick<Bundle, 'entries' | 'images' | 'charts' | 'lock'>): Compared {
  return {
    charts: bundle.charts().map(({ name, version, descriptor }) => ({ name, version, digest: descriptor.digest })),
    images: bundle.images().map(({ reference, descriptor, sourceDigest }) => ({
      reference: formatReference(reference),
      digest: descriptor.digest,
      ...(sourceDigest === undefined ? {} : { sourceDigest }),
    })),
    belonging: belongingIn(bundle.lock()),
    sizes: new Map<string, number>([
      ...(bundle.lock()?.requires ?? []).map(({ digest, size }) => [digest, size] as const),
      ...[...bundle.entries].map(([digest, { size }]) => [digest, size] as const),
    ]),
  };
}

/** Returns the comparable properties of an exported inventory. */
export function comparedLock({ lock, blobs }: ExportedLock): Compared {
  return {
    charts: lock.charts,
    images: lock.images,
    belonging: belongingIn(lock),
    sizes: new Map(blobs.map(({ digest, size }) => [digest, size])),
  };
}

/** Compares the content of two bundles. */
export function differenceOf(older: Compared, newer: Compared): BundleDifference {
  return {
    charts: chartsOf(older.charts, newer.charts),
    images: imagesOf(older, newer),
    referrers: referrerDifference(older.belonging, newer.belonging),
    ...amountsOf(older, newer),
  };
}

/** Reports whether charts, images or referrers differ. */
export function isDifferent({
  charts,
  images,
  referrers,
}: Pick<BundleDifference, 'charts' | 'images' | 'referrers'>): boolean {
  return [charts, images, referrers].flatMap(Object.values).some((list) => list.length > 0);
}

/** Rules that pair charts of one name, from strict to loose: a chart may be bundled in several versions. */
const ALIKE: readonly ((a: ChartIn, b: ChartIn) => boolean)[] = [
  (a, b) => a.version === b.version && a.digest === b.digest,
  (a, b) => a.version === b.version,
  () => true,
];

function chartsOf(older: readonly ChartIn[], newer: readonly ChartIn[]): BundleDifference['charts'] {
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

function imagesOf(older: Compared, newer: Compared): BundleDifference['images'] {
  const before = byReference(older);
  const after = byReference(newer);
  const moved: MovedImage[] = [];
  for (const [reference, { digest, sourceDigest }] of before) {
    const next = after.get(reference);
    if (next === undefined || next.digest === digest) continue;
    const isSame = (sourceDigest ?? digest) === (next.sourceDigest ?? next.digest);
    moved.push({ reference, from: digest, to: next.digest, because: isSame ? 'platforms' : 'content' });
  }
  return { ...pairsOf(without(before, after), without(after, before)), moved };
}

type Images = ReadonlyMap<string, ComparedImage>;

function byReference({ images }: Compared): Images {
  return new Map(images.map((image) => [image.reference, image]));
}

function without(images: Images, others: Images): ImageIn[] {
  return [...images.values()].flatMap(({ reference, digest }) =>
    others.has(reference) ? [] : [{ reference, digest }],
  );
}

/** Pairs removed and added images of a repository that has exactly one of each. */
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

function amountsOf(older: Compared, newer: Compared): Pick<BundleDifference, 'carry' | 'shared'> {
  const carry = { blobs: 0, bytes: 0 };
  const shared = { blobs: 0, bytes: 0 };
  for (const [digest, size] of newer.sizes) {
    const amount = older.sizes.has(digest) ? shared : carry;
    amount.blobs += 1;
    amount.bytes += size;
  }
  return { carry, shared };
}

/** Drops the other fields of an inventory's chart. */
function chartIn({ name, version, digest }: ChartIn): ChartIn {
  return { name, version, digest };
}

function versionOf({ version, digest }: ChartIn): ChartVersion {
  return { version, digest };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
