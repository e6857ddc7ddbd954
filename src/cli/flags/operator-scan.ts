import { AirgapError } from '../../base/errors.ts';
import type { OperatorScanSettings } from '../../workflows/images/images.ts';
import type { Config } from '../config/schema.ts';
import { flagGroup } from './option.ts';
import { registryAccess } from './registry.ts';
import type { Settings } from './settings.ts';

/** Adds the flags of the operator image scan. */
export const addOperatorScanFlags = flagGroup((command) =>
  command
    .option('--look-inside', 'scan operator images for images that they deploy; -o rules proposes operator rules')
    .option('--include-inside', 'scan, and add images found with high or medium confidence'),
);

/** Flags that say whether to scan; `lookInside` is undefined unless it is given. */
interface OperatorScanFlags {
  readonly lookInside?: boolean;
  readonly includeInside?: true;
  readonly output?: string;
}

/**
 * Returns the settings of the scan, undefined for none. Flags take precedence over the configuration file.
 * @param byDefault scan if neither flags nor configuration file say otherwise
 * @throws AirgapError `usage` for `-o rules` without a scan
 */
export async function operatorScanSettings(
  { lookInside, includeInside, output }: OperatorScanFlags,
  { registry, config }: Pick<Settings, 'registry'> & { readonly config: Pick<Config, 'lookInside' | 'includeInside'> },
  byDefault: boolean,
): Promise<OperatorScanSettings | undefined> {
  const isEnabled = lookInside ?? config.lookInside ?? (config.includeInside === true || byDefault);
  const include = includeInside === true || (isEnabled && config.includeInside === true);
  if (!isEnabled && !include) {
    if (output !== 'rules') return undefined;
    throw new AirgapError('usage', '-o rules needs a scan of operator images', { hint: 'add --look-inside' });
  }
  // Images that are added are not proposed as rules.
  return { ...(await registryAccess(registry)), include: include && output !== 'rules' };
}
