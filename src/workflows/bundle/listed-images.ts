import type { LocatedReference } from '../../inventory/finding.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import { formatRepository, parseReference } from '../../oci/reference.ts';

/** Images of a list (lock file, missing images) in the form in which a search of charts finds them. */

/** Returns an image as a reference for each of its charts; lists do not record locations in templates. */
export function referencesOfCharts(
  charts: readonly string[],
  image: Pick<LocatedReference, 'reference' | 'written' | 'confidence' | 'need'>,
): LocatedReference[] {
  const location = { profile: '', template: '', document: 0, kind: '', name: '', path: '', how: 'added' } as const;
  return (charts.length === 0 ? [''] : charts).map((chart) => ({ ...location, chart, ...image }));
}

/** Returns the listed digests of tagged references, by full name with tag. */
export function pinsOf(
  images: readonly { readonly reference: string; readonly digest?: string | undefined }[],
): Map<string, Digest> {
  const pins = new Map<string, Digest>();
  for (const { reference, digest = '' } of images) {
    const parsed = parseReference(reference);
    if (parsed.digest === undefined && isDigest(digest)) pins.set(`${formatRepository(parsed)}:${parsed.tag}`, digest);
  }
  return pins;
}
