import { compareText } from '../base/text-order.ts';
import type { ExportedInventory } from '../inventory/exported-inventory.ts';
import type { Inventory, InventoryReferrer } from '../inventory/inventory.ts';
import type { InventoryTool } from '../inventory/tools.ts';
import type { Digest } from '../oci/digest.ts';
import { formatReference, formatRepository, parseReference } from '../oci/reference.ts';
import { referrerKind } from '../oci/referrer.ts';
import type { Bundle } from './reading/bundle.ts';

/** Differences between two bundles. */
export interface BundleDifference {
  readonly charts: {
    readonly added: readonly DiffChart[];
    readonly removed: readonly DiffChart[];
    /** Charts with another version, or with other content under the same version. */
    readonly changed: readonly {
      readonly name: string;
      readonly from: DiffChartVersion;
      readonly to: DiffChartVersion;
    }[];
  };
  readonly images: {
    readonly added: readonly DiffImage[];
    readonly removed: readonly DiffImage[];
    /** Pairs of the only removed and the only added reference of a repository. */
    readonly retagged: readonly { readonly from: DiffImage; readonly to: DiffImage }[];
    /** References with another digest. */
    readonly moved: readonly MovedImage[];
  };
  /** Referrers of images and charts that are the same in both. */
  readonly referrers: ReferrerDifference;
  /** Files in `tools/`, by name. */
  readonly tools: {
    readonly added: readonly DiffTool[];
    readonly removed: readonly DiffTool[];
    readonly changed: readonly { readonly name: string; readonly from: Digest; readonly to: Digest }[];
  };
  /** Manifests, blobs and tools that only the newer bundle has, including its inventory. */
  readonly carry: BlobTotals;
  /** Manifests, blobs and tools that both bundles have. */
  readonly shared: BlobTotals;
}

type DiffTool = Pick<InventoryTool, 'name' | 'digest'>;

interface DiffChartVersion {
  readonly version: string;
  /** Digest of the chart's OCI manifest. */
  readonly digest: Digest;
}

interface DiffChart extends DiffChartVersion {
  readonly name: string;
}

interface DiffImage {
  readonly reference: string;
  readonly digest: Digest;
}

interface MovedImage {
  readonly reference: string;
  readonly from: Digest;
  readonly to: Digest;
  /** `platforms`: same image at the source, but another platform subset. */
  readonly because: 'content' | 'platforms';
}

interface BlobTotals {
  readonly blobs: number;
  readonly bytes: number;
}

/** Properties of a bundle that are compared. */
export interface ComparableBundle {
  readonly charts: readonly DiffChart[];
  readonly images: readonly ComparableImage[];
  readonly referrers: ReferrersByOwner;
  readonly tools: readonly DiffTool[];
  /** Bytes of its manifests, blobs and tools, including blobs that a delta omits, because its receiver has them. */
  readonly sizes: ReadonlyMap<string, number>;
}

interface ComparableImage extends DiffImage {
  /** Digest at the source, if a platform subset replaced the index. */
  readonly sourceDigest?: Digest;
}

/** Returns the comparable properties of an open bundle, from its index and its archive. */
export function comparableBundle(
  bundle: Pick<Bundle, 'entries' | 'images' | 'charts' | 'inventory'>,
): ComparableBundle {
  return {
    charts: bundle.charts().map(({ name, version, descriptor }) => ({ name, version, digest: descriptor.digest })),
    images: bundle.images().map(({ reference, descriptor, sourceDigest }) => ({
      reference: formatReference(reference),
      digest: descriptor.digest,
      sourceDigest,
    })),
    referrers: referrersByOwner(bundle.inventory()),
    tools: bundle.inventory()?.tools ?? [],
    sizes: new Map<string, number>([
      ...(bundle.inventory()?.requires ?? []).map(({ digest, size }) => [digest, size] as const),
      ...[...bundle.entries].map(([digest, { size }]) => [digest, size] as const),
      ...(bundle.inventory()?.tools ?? []).map(({ digest, size }) => [digest, size] as const),
    ]),
  };
}

/** Returns the comparable properties of an exported inventory. */
export function comparableInventory({ lock, blobs }: ExportedInventory): ComparableBundle {
  return {
    charts: lock.charts,
    images: lock.images,
    referrers: referrersByOwner(lock),
    tools: lock.tools ?? [],
    sizes: new Map([...blobs, ...(lock.tools ?? [])].map(({ digest, size }) => [digest, size])),
  };
}

/** Compares the content of two bundles. */
export function compareBundles(older: ComparableBundle, newer: ComparableBundle): BundleDifference {
  return {
    charts: compareCharts(older.charts, newer.charts),
    images: compareImages(older, newer),
    referrers: referrerDifference(older.referrers, newer.referrers),
    tools: toolDifference(older.tools, newer.tools),
    ...blobTotals(older, newer),
  };
}

/** Reports whether charts, images, referrers or tools differ. */
export function hasDifferences({
  charts,
  images,
  referrers,
  tools,
}: Pick<BundleDifference, 'charts' | 'images' | 'referrers' | 'tools'>): boolean {
  return [charts, images, referrers, tools].flatMap(Object.values).some((list) => list.length > 0);
}

/** Rules that pair charts of one name, from strict to loose: a chart may be bundled in several versions. */
const PAIRING_RULES: readonly ((a: DiffChart, b: DiffChart) => boolean)[] = [
  (a, b) => a.version === b.version && a.digest === b.digest,
  (a, b) => a.version === b.version,
  () => true,
];

function compareCharts(older: readonly DiffChart[], newer: readonly DiffChart[]): BundleDifference['charts'] {
  let removed = older.map(diffChart);
  const added = newer.map(diffChart);
  const changed: BundleDifference['charts']['changed'][number][] = [];
  for (const isPair of PAIRING_RULES) {
    removed = removed.filter((before) => {
      const index = added.findIndex((after) => after.name === before.name && isPair(before, after));
      if (index < 0) return true;
      const [after] = added.splice(index, 1) as [DiffChart];
      const [from, to] = [versionOf(before), versionOf(after)];
      if (from.digest !== to.digest || from.version !== to.version) changed.push({ name: before.name, from, to });
      return false;
    });
  }
  return { added, removed, changed: changed.sort((a, b) => compareText(a.name, b.name)) };
}

function compareImages(older: ComparableBundle, newer: ComparableBundle): BundleDifference['images'] {
  const before = byReference(older);
  const after = byReference(newer);
  const moved: MovedImage[] = [];
  for (const [reference, { digest, sourceDigest }] of before) {
    const next = after.get(reference);
    if (next === undefined || next.digest === digest) continue;
    const isSame = (sourceDigest ?? digest) === (next.sourceDigest ?? next.digest);
    moved.push({ reference, from: digest, to: next.digest, because: isSame ? 'platforms' : 'content' });
  }
  return { ...pairRetagged(imagesMissingIn(before, after), imagesMissingIn(after, before)), moved };
}

type ImagesByReference = ReadonlyMap<string, ComparableImage>;

function byReference({ images }: ComparableBundle): ImagesByReference {
  return new Map(images.map((image) => [image.reference, image]));
}

function imagesMissingIn(images: ImagesByReference, others: ImagesByReference): DiffImage[] {
  return [...images.values()].flatMap(({ reference, digest }) =>
    others.has(reference) ? [] : [{ reference, digest }],
  );
}

/** Pairs removed and added images of a repository that has exactly one of each. */
function pairRetagged(
  removed: readonly DiffImage[],
  added: readonly DiffImage[],
): Pick<BundleDifference['images'], 'added' | 'removed' | 'retagged'> {
  const removedByRepository = Map.groupBy(removed, repositoryOf);
  const addedByRepository = Map.groupBy(added, repositoryOf);
  const retagged = [...removedByRepository].flatMap(([repository, from]) => {
    const [before, ...others] = from;
    const [after, ...more] = addedByRepository.get(repository) ?? [];
    return before && after && others.length + more.length === 0 ? [{ from: before, to: after }] : [];
  });
  const paired = new Set(retagged.flatMap(({ from, to }) => [from, to]));
  const isUnpaired = (image: DiffImage): boolean => !paired.has(image);
  return { added: added.filter(isUnpaired), removed: removed.filter(isUnpaired), retagged };
}

function repositoryOf({ reference }: DiffImage): string {
  return formatRepository(parseReference(reference));
}

function blobTotals(older: ComparableBundle, newer: ComparableBundle): Pick<BundleDifference, 'carry' | 'shared'> {
  const carry = { blobs: 0, bytes: 0 };
  const shared = { blobs: 0, bytes: 0 };
  for (const [digest, size] of newer.sizes) {
    const totals = older.sizes.has(digest) ? shared : carry;
    totals.blobs += 1;
    totals.bytes += size;
  }
  return { carry, shared };
}

function toolDifference(older: readonly DiffTool[], newer: readonly DiffTool[]): BundleDifference['tools'] {
  const before = new Map(older.map(({ name, digest }) => [name, digest]));
  const after = new Map(newer.map(({ name, digest }) => [name, digest]));
  const missingIn = (tools: ReadonlyMap<string, Digest>, others: ReadonlyMap<string, Digest>): DiffTool[] =>
    [...tools].flatMap(([name, digest]) => (others.has(name) ? [] : [{ name, digest }]));
  const changed = [...before].flatMap(([name, from]) => {
    const to = after.get(name);
    return to === undefined || to === from ? [] : [{ name, from, to }];
  });
  return { added: missingIn(after, before), removed: missingIn(before, after), changed };
}

/** Drops the other fields of an inventory's chart. */
function diffChart({ name, version, digest }: DiffChart): DiffChart {
  return { name, version, digest };
}

function versionOf({ version, digest }: DiffChart): DiffChartVersion {
  return { version, digest };
}

/** A referrer of an image or chart that is the same in both bundles. */
interface DiffReferrer {
  /** Full reference of the image, or name and version of the chart. */
  readonly of: string;
  /** `signature`, `attestation`, `SBOM`, or the artifact type. */
  readonly kind: string;
  readonly digest: string;
}

export interface ReferrerDifference {
  readonly added: readonly DiffReferrer[];
  readonly removed: readonly DiffReferrer[];
}

/** Referrers of each image and chart in an inventory, by its name. */
export type ReferrersByOwner = ReadonlyMap<
  string,
  { readonly digest: string; readonly referrers: readonly InventoryReferrer[] }
>;

/** Returns the bundled referrers by image and chart; empty without an inventory. */
export function referrersByOwner(inventory: Pick<Inventory, 'charts' | 'images'> | undefined): ReferrersByOwner {
  const charts = (inventory?.charts ?? []).map(({ name, version, ...chart }) => [`${name} ${version}`, chart] as const);
  const images = (inventory?.images ?? []).map(({ reference, ...image }) => [reference, image] as const);
  return new Map(
    [...images, ...charts].map(([name, { digest, referrers = [] }]) => [
      name,
      { digest, referrers: referrers.filter(({ leftOut }) => !leftOut) },
    ]),
  );
}

/** Compares referrers of unchanged images and charts. Referrers of changed ones are not listed. */
export function referrerDifference(older: ReferrersByOwner, newer: ReferrersByOwner): ReferrerDifference {
  return { added: referrersMissingIn(newer, older), removed: referrersMissingIn(older, newer) };
}

function referrersMissingIn(owners: ReferrersByOwner, others: ReferrersByOwner): DiffReferrer[] {
  return [...owners].flatMap(([of, { digest, referrers }]) => {
    const other = others.get(of);
    if (other?.digest !== digest) return [];
    const otherKeys = new Set(other.referrers.map(referrerDigestKey));
    return referrers
      .filter((referrer) => !otherKeys.has(referrerDigestKey(referrer)))
      .map((referrer) => ({ of, kind: referrerKind(referrer), digest: referrer.digest }));
  });
}

function referrerDigestKey({ digest, subject, tag = '' }: InventoryReferrer): string {
  return `${digest} ${subject} ${tag}`;
}
