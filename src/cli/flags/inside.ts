import type { Command } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import type { InsideOptions } from '../../workflows/images.ts';
import type { Gathered } from './charts.ts';
import { DOWNLOADS, registryAccess } from './registry.ts';

/** Flags of the operator image scan. */
export interface InsideFlags {
  lookInside?: boolean;
  includeInside?: true;
  output?: string;
}

/** Adds the flags of the operator image scan. */
export function addInsideFlags(command: Command): Command {
  return command
    .option('--look-inside', 'scan operator images for images that they deploy; -o rules proposes operator rules')
    .option('--include-inside', 'scan, and add images found with high or medium confidence');
}

/**
 * Returns the options of the scan. Flags take precedence over the configuration file.
 * @param byDefault scan if neither flags nor configuration file say otherwise
 * @throws AirgapError `usage` for `-o rules` without a scan
 */
export async function insideOptions(
  { lookInside, includeInside, output }: InsideFlags,
  { registry, insideConfig }: Pick<Gathered, 'registry' | 'insideConfig'>,
  byDefault: boolean,
): Promise<{ lookInside?: InsideOptions }> {
  const look = lookInside ?? insideConfig.lookInside ?? (insideConfig.includeInside === true || byDefault);
  const include = includeInside === true || (look && insideConfig.includeInside === true);
  if (!look && !include) {
    if (output !== 'rules') return {};
    throw new AirgapError('usage', '-o rules needs a scan of operator images', { hint: 'add --look-inside' });
  }
  const access = await registryAccess(registry);
  const concurrency = registry.concurrency ?? DOWNLOADS;
  // Images that are added are not proposed as rules.
  return { lookInside: { access, concurrency, include: include && output !== 'rules' } };
}
