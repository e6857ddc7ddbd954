import type { Inventory, InventoryReferrer } from '../inventory/inventory.ts';
import { referrerKind } from '../oci/referrer.ts';

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
