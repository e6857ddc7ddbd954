import { chartArchiveName, chartName } from '../../bundle/format/names.ts';
import { chartArchiveRepository, chartRepository, type Target, targetReference } from '../../naming/naming.ts';
import type { Reference } from '../../oci/reference.ts';

/**
 * Returns the target reference of an image (by the naming), a chart, or a chart archive (below the path of charts or of
 * archives). The digest is dropped, since content pulled by digest gets a tag as well.
 */
export function destinationOf(target: Target, { digest: _, ...source }: Reference): Reference {
  const archive = chartArchiveName(source);
  if (archive !== undefined) return { ...source, ...chartArchiveRepository(target, archive) };
  const chart = chartName(source);
  return chart === undefined ? targetReference(target, source) : { ...source, ...chartRepository(target, chart) };
}
