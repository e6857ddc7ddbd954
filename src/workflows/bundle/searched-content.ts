import { AirgapError, combine } from '../../base/errors.ts';
import type { LocatedReference } from '../../inventory/finding.ts';
import type { AskedHost } from '../../search/nested-hosts.ts';
import type { SearchedChart } from '../../search/search-result.ts';
import type { Context } from '../../session/context.ts';
import { type ImagesOptions, mergeNetworkNeeds, searchSelected, selectFindings } from '../images/images.ts';
import type { SelectedFindings } from '../images/resolve.ts';
import type { ContentInput } from './resolve-content.ts';

/** Searched charts and their selected images. */
export interface SearchedContent extends ContentInput {
  readonly charts: readonly SearchedChart[];
  /** Contacted chart hosts that only charts refer to. */
  readonly askedHosts: readonly AskedHost[];
}

/**
 * Searches the charts, and selects what is to be transferred.
 * @throws AirgapError `usage` if nothing is selected; an error for every nested chart that could not be searched
 */
export async function searchedContent(
  context: Context,
  options: ImagesOptions,
  scratch: string,
): Promise<SearchedContent> {
  const { charts, failures, excluded, askedHosts, scannedReferences } = await searchSelected(context, options, scratch);
  if (failures.length > 0) throw combine(failures, `${failures.length} nested charts could not be searched`);
  const scanned = scannedReferences ?? [];
  const select = (found: readonly LocatedReference[]): SelectedFindings =>
    selectFindings([...charts, { references: [...scanned, ...found] }], options, excluded);
  if (charts.length === 0 && select([]).findings.length === 0) {
    throw new AirgapError('usage', 'there are no charts or images to transfer', {
      hint: 'give a chart, --image, --images or --pods',
    });
  }
  return { charts, select, network: mergeNetworkNeeds(charts, options), askedHosts };
}
