import { referenceMatcher } from '../oci/reference-matcher.ts';
import type { Finding } from './finding.ts';
import type { Inventory, MissingImage } from './inventory.ts';

/** An image that is needed, and that its registry does not have. */
export interface MissingFinding extends Finding, Pick<MissingImage, 'state' | 'why' | 'allowed'> {}

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
export function missingOf(inventory: Inventory | undefined): readonly MissingImage[] {
  const { missing, choices = [], images = [] } = inventory ?? {};
  if (missing !== undefined) return missing;
  const bundled = new Set(images.map(({ reference }) => reference));
  const dropped = choices.filter(({ rule }) => rule === 'dropped').flatMap(({ references }) => references);
  return dropped
    .filter((reference) => !bundled.has(reference))
    .map((reference): MissingImage => ({ ...NOT_RECORDED, reference }));
}

const NOT_RECORDED = {
  state: 'missing' as const,
  confidence: 'likely' as const,
  need: 'operand' as const,
  found: [],
  why: 'its registry did not have it when the bundle was made',
};
