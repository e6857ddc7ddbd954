import { AirgapError, combine } from '../../base/errors.ts';
import type { LocatedReference } from '../../inventory/finding.ts';
import type { ChartOperators } from '../../operator-scan/index.ts';
import type { AskedHost } from '../../search/nested-hosts.ts';
import type { SearchedChart } from '../../search/search-result.ts';
import type { Context } from '../../session/context.ts';
import {
  type ImagesOptions,
  mergeNetworkNeeds,
  notKnownField,
  searchSelected,
  selectFindings,
} from '../images/images.ts';
import type { SelectedFindings } from '../images/resolve.ts';
import type { ContentInput } from './resolve-content.ts';

/** Searched charts and their selected images. */
export interface SearchedContent extends ContentInput {
  readonly charts: readonly SearchedChart[];
  /** Operators in charts and manifests. */
  readonly operators: readonly ChartOperators[];
  /** Contacted chart hosts that only charts refer to. */
  readonly askedHosts: readonly AskedHost[];
}

/**
 * Searches charts and manifests, and selects what is to be transferred.
 * @throws AirgapError `usage` if nothing is selected; an error for every nested chart that could not be searched
 */
export async function searchedContent(
  context: Context,
  options: ImagesOptions,
  scratch: string,
): Promise<SearchedContent> {
  const searched = await searchSelected(context, options, scratch);
  const { charts, manifests, failures, excluded, askedHosts, scannedReferences } = searched;
  const sources = [...charts, ...manifests];
  if (failures.length > 0) throw combine(failures, `${failures.length} nested charts could not be searched`);
  const scanned = scannedReferences ?? [];
  const select = (found: readonly LocatedReference[]): SelectedFindings =>
    selectFindings([...sources, { references: [...scanned, ...found] }], options, excluded);
  if (charts.length === 0 && select([]).findings.length === 0) {
    throw new AirgapError('usage', 'there are no charts or images to transfer', {
      hint: 'give a chart, --kustomize, --manifests, --image, --images or --pods',
    });
  }
  return {
    charts,
    operators: sources,
    select,
    network: mergeNetworkNeeds(sources, options),
    ...notKnownField(sources),
    askedHosts,
  };
}
