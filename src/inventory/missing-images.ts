import { referenceMatcher } from '../oci/reference-matcher.ts';
import type { Finding, Location } from './finding.ts';
import type { Inventory, MissingImage } from './inventory.ts';

/** An image that is needed, and that its registry does not have. */
export interface MissingFinding extends Finding, Pick<MissingImage, 'state' | 'why' | 'allowed'> {}

/** A missing image of this run or of a bundle. Older bundles have only its name. */
export interface Missing
  extends Readonly<Pick<MissingImage, 'state' | 'reference' | 'why' | 'allowed'>>,
    Partial<Pick<Finding, 'confidence' | 'need'>> {
  readonly found: readonly Location[];
}

/** Images whose absence the user accepts. */
export interface AllowedMissing {
  /** Pattern with `*` of references. */
  readonly pattern: string;
  readonly reason?: string;
}

/** Returns a finding as missing. @param why answer of the registry */
export function missingFinding(finding: Finding, why: string, allowed: readonly AllowedMissing[]): MissingFinding {
  const { reference, confidence, need, found } = finding;
  const entry = allowed.find(({ pattern }) => referenceMatcher(pattern)(reference));
  return {
    ...{ state: 'missing', reference, confidence, need, found, why },
    ...(entry && { allowed: { ...(entry.reason !== undefined && { reason: entry.reason }) } }),
  };
}

/** Returns the missing images whose absence nobody accepted. */
export function unallowed<M extends { readonly allowed?: object | undefined }>(missing: readonly M[] = []): M[] {
  return missing.filter(({ allowed }) => allowed === undefined);
}

/** Returns the patterns that match no missing image: the image may exist by now, or be mistyped. */
export function unusedAllowed(
  allowed: readonly AllowedMissing[],
  missing: readonly Pick<MissingFinding, 'reference'>[],
): string[] {
  return allowed.flatMap(({ pattern }) =>
    missing.some(({ reference }) => referenceMatcher(pattern)(reference)) ? [] : [pattern],
  );
}

/** Returns the missing images of a bundle. Older bundles have them as a selection, without where they were found. */
export function missingOf(inventory: Inventory | undefined): readonly Missing[] {
  const { missing = [], choices = [], images = [] } = inventory ?? {};
  const bundled = new Set(images.map(({ reference }) => reference));
  const dropped = choices.filter(({ rule }) => rule === 'dropped').flatMap(({ references }) => references);
  return [
    ...missing,
    ...dropped
      .filter((reference) => !bundled.has(reference))
      .map((reference): Missing => ({ ...NOT_RECORDED, reference })),
  ];
}

const NOT_RECORDED = {
  state: 'missing' as const,
  found: [],
  why: 'its registry did not have it when the bundle was made',
};
