import { chartName } from '../../bundle/format/names.ts';
import { chartRepository, type Target, targetReference } from '../../naming/naming.ts';
import type { Reference } from '../../oci/reference.ts';

/**
 * Returns the target reference of an image (by the naming) or a chart (in the charts repository). The digest is
 * dropped, since content pulled by digest gets a tag as well.
 */
export function destinationOf(target: Target, { digest: _, ...source }: Reference): Reference {
  const chart = chartName(source);
  return chart === undefined ? targetReference(target, source) : { ...source, ...chartRepository(target, chart) };
}
