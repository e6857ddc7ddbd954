import { isInPublicEcr, publishedIn, retiredAlias } from '../../ecr/public-equivalents.ts';
import type { PublicEcrImage } from '../../inventory/public-ecr.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';

/** What the rules say of an image. */
export type Classification = Pick<PublicEcrImage, 'class' | 'rule' | 'retired' | 'equivalent'>;

/** Returns what the rules say of an image, without asking a registry. */
export function classify(reference: Reference): Classification {
  const gone = retiredAlias(reference);
  if (gone !== undefined) {
    const { alias, since, source } = gone.retirement;
    const retired = { alias, since, source };
    if (gone.equivalent === undefined) return { class: 'retired', retired };
    return { class: 'retired', retired, equivalent: formatReference({ ...reference, ...gone.equivalent }) };
  }
  if (isInPublicEcr(reference)) return { class: 'already' };
  const published = publishedIn(reference);
  if (published === undefined) return { class: 'none' };
  const { equivalent, rule } = published;
  return { class: 'equivalent', rule, equivalent: formatReference({ ...reference, ...equivalent }) };
}
