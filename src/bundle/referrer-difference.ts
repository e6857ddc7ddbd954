import type { Lock, LockReferrer } from '../lock/lock.ts';
import { referrerKind } from '../oci/referrer.ts';

/** A referrer of an image or chart that is the same in both bundles. */
export interface ReferrerIn {
  /** Full reference of the image, or name and version of the chart. */
  readonly of: string;
  /** `signature`, `attestation`, `SBOM`, or the artifact type. */
  readonly kind: string;
  readonly digest: string;
}

export interface ReferrerDifference {
  readonly added: readonly ReferrerIn[];
  readonly removed: readonly ReferrerIn[];
}

/** Referrers of each image and chart in an inventory, by its name. */
export type Belonging = ReadonlyMap<string, { readonly digest: string; readonly referrers: readonly LockReferrer[] }>;

/** Returns the bundled referrers by image and chart; empty without an inventory. */
export function belongingIn(lock: Pick<Lock, 'charts' | 'images'> | undefined): Belonging {
  const charts = (lock?.charts ?? []).map(({ name, version, ...chart }) => [`${name} ${version}`, chart] as const);
  const images = (lock?.images ?? []).map(({ reference, ...image }) => [reference, image] as const);
  return new Map(
    [...images, ...charts].map(([name, { digest, referrers = [] }]) => [
      name,
      { digest, referrers: referrers.filter(({ leftOut }) => !leftOut) },
    ]),
  );
}

/** Compares referrers of unchanged images and charts. Referrers of changed ones are not listed. */
export function referrerDifference(older: Belonging, newer: Belonging): ReferrerDifference {
  return { added: without(newer, older), removed: without(older, newer) };
}

function without(these: Belonging, those: Belonging): ReferrerIn[] {
  return [...these].flatMap(([of, { digest, referrers }]) => {
    const other = those.get(of);
    if (other?.digest !== digest) return [];
    const known = new Set(other.referrers.map(keyOf));
    return referrers
      .filter((referrer) => !known.has(keyOf(referrer)))
      .map((referrer) => ({ of, kind: referrerKind(referrer), digest: referrer.digest }));
  });
}

function keyOf({ digest, subject, tag = '' }: LockReferrer): string {
  return `${digest} ${subject} ${tag}`;
}
