import { warnOfPrefetched } from '../../bundle/writing/prefetched.ts';
import type { LocatedReference } from '../../inventory/finding.ts';
import type { Context } from '../../session/context.ts';
import type { ImagesOptions } from '../images/images.ts';
import { type BundleResult, type PackOptions, pack, withExclusiveOutput } from './pack.ts';
import { searchedContent } from './searched-content.ts';

export interface BundleOptions extends ImagesOptions, PackOptions {}

/** Discovers, resolves, pulls, and writes the bundle. `out` appears only when it is complete. */
export function bundle(context: Context, options: BundleOptions): Promise<BundleResult> {
  return withExclusiveOutput(context, options, async (scratch) => {
    const { operatorScan, ...imagesOptions } = options;
    const searchOptions = { ...imagesOptions, operators: operatorScan !== undefined, recipes: true };
    const { askedHosts, operators: found, ...input } = await searchedContent(context, searchOptions, scratch);
    const { select } = input;
    const hostsField = askedHosts.length === 0 ? {} : { askedHosts };
    if (operatorScan === undefined) return { ...(await pack(context, options, input)), ...hostsField };
    if (!operatorScan.include || !found.some(({ operators }) => operators.length > 0))
      return { ...(await pack(context, options, { ...input, operators: found })), ...hostsField };
    const { prefetchAndScan, scannedReferences, scanReportFor, selectedOperators } = await import(
      '../../operator-scan/index.ts'
    );
    const operators = selectedOperators(found, select([]).findings);
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
