import { AirgapError, combine } from '../../base/errors.ts';
import { warnOfPrefetched } from '../../bundle/writing/prefetched.ts';
import type { LocatedReference } from '../../inventory/finding.ts';
import type { Context } from '../../session/context.ts';
import { type ImagesOptions, mergeNetworkNeeds, searchSelected, selectFindings } from '../images/images.ts';
import type { SelectedFindings } from '../images/resolve.ts';
import { type BundleResult, type PackOptions, pack, withExclusiveOutput } from './pack.ts';

export interface BundleOptions extends ImagesOptions, PackOptions {}

/** Discovers, resolves, pulls, and writes the bundle. `out` appears only when it is complete. */
export function bundle(context: Context, options: BundleOptions): Promise<BundleResult> {
  return withExclusiveOutput(context, options, async (scratch) => {
    const { operatorScan, ...imagesOptions } = options;
    const searchOptions = { ...imagesOptions, operators: operatorScan !== undefined, recipes: true };
    const { charts, failures, excluded, askedHosts } = await searchSelected(context, searchOptions, scratch);
    if (failures.length > 0) throw combine(failures, `${failures.length} nested charts could not be searched`);
    const select = (found: readonly LocatedReference[]): SelectedFindings =>
      selectFindings([...charts, { references: found }], options, excluded);
    const { findings } = select([]);
    if (charts.length === 0 && findings.length === 0) {
      throw new AirgapError('usage', 'there is nothing to bundle', { hint: 'give a chart, --image or --images' });
    }
    const network = mergeNetworkNeeds(charts, options);
    const input = { charts, select, network };
    const hostsField = askedHosts.length === 0 ? {} : { askedHosts };
    if (operatorScan === undefined) return { ...(await pack(context, options, input)), ...hostsField };
    if (!operatorScan.include || !charts.some(({ operators }) => operators.length > 0))
      return { ...(await pack(context, options, { ...input, operators: charts })), ...hostsField };
    const { prefetchAndScan, scannedReferences, scanReportFor, selectedOperators } = await import(
      '../../operator-scan/index.ts'
    );
    const operators = selectedOperators(charts, findings);
    const { images, prefetched } = await prefetchAndScan(context, options, operators, scratch);
    const scanned = scannedReferences(images, true);
    const completeInput = { ...input, select: (found: readonly LocatedReference[]) => select([...scanned, ...found]) };
    const reuse = prefetched === undefined ? options.reuse : [...options.reuse, prefetched.path];
    const result = await pack(context, { ...options, reuse }, completeInput).catch(async (error) => {
      await warnOfPrefetched(options.out, context.emit);
      throw error;
    });
    if (images.length === 0) return { ...result, ...hostsField };
    const fetched = prefetched?.fetched ?? 0;
    const bytes = { fetched: result.fetched + fetched, reused: Math.max(0, result.reused - fetched) };
    return {
      ...result,
      ...bytes,
      ...hostsField,
      inside: scanReportFor(result.lock, select(scanned).findings, images),
    };
  });
}
