import { compareText } from '../../../base/text-order.ts';
import { isDigest } from '../../../oci/digest.ts';
import { parseReference, type Reference, type Repository } from '../../../oci/reference.ts';

/** Returns the reference of a lookup: `TAG`, `DIGEST` or `TAG@DIGEST`. @throws AirgapError `reference-invalid` */
export function referenceOf({ registry, path }: Repository, lookup: string): Reference {
  return parseReference(`${registry}/${path}${isDigest(lookup) ? '@' : ':'}${lookup}`);
}

/** Returns the lookup of a reference, of which {@link referenceOf} makes the reference again. */
export function lookupOf({ tag, digest }: Reference): string {
  return [tag, digest].filter((part) => part !== undefined).join('@');
}

/** Sorts names as texts. */
export function sortedNames(names: Iterable<string>): string[] {
  return [...names].sort(compareText);
}
