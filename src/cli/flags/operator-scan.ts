import type { Command } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import type { OperatorScanSettings } from '../../workflows/images/images.ts';
import type { ResolvedOptions } from './charts.ts';
import { DOWNLOAD_CONCURRENCY, registryAccess } from './registry.ts';

/** Flags of the operator image scan. */
export interface OperatorScanFlags {
  lookInside?: boolean;
  includeInside?: true;
  output?: string;
}

/** Adds the flags of the operator image scan. */
export function addOperatorScanFlags(command: Command): Command {
  return command
    .option('--look-inside', 'scan operator images for images that they deploy; -o rules proposes operator rules')
    .option('--include-inside', 'scan, and add images found with high or medium confidence');
}

/**
 * Returns the options of the scan. Flags take precedence over the configuration file.
 * @param byDefault scan if neither flags nor configuration file say otherwise
 * @throws AirgapError `usage` for `-o rules` without a scan
 */
export async function operatorScanOptions(
  { lookInside, includeInside, output }: OperatorScanFlags,
  { registry, operatorScanConfig }: Pick<ResolvedOptions, 'registry' | 'operatorScanConfig'>,
  byDefault: boolean,
): Promise<{ operatorScan?: OperatorScanSettings }> {
  const isEnabled =
    lookInside ?? operatorScanConfig.lookInside ?? (operatorScanConfig.includeInside === true || byDefault);
  const include = includeInside === true || (isEnabled && operatorScanConfig.includeInside === true);
  if (!isEnabled && !include) {
    if (output !== 'rules') return {};
    throw new AirgapError('usage', '-o rules needs a scan of operator images', { hint: 'add --look-inside' });
  }
  const access = await registryAccess(registry);
  const concurrency = registry.concurrency ?? DOWNLOAD_CONCURRENCY;
  // Images that are added are not proposed as rules.
  return { operatorScan: { access, concurrency, include: include && output !== 'rules' } };
}
