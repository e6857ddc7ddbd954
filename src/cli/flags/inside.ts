import type { Command } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import type { InsideOptions } from '../../workflows/images.ts';
import type { Gathered } from './charts.ts';
import { DOWNLOADS, registryAccess } from './registry.ts';

/** Whether the images of operators are looked into. */
export interface InsideFlags {
  lookInside?: boolean;
  includeInside?: true;
  output?: string;
}

/** Flags for what only the images of operators name. */
export function addInsideFlags(command: Command): Command {
  return command
    .option('--look-inside', 'look into the images of operators for images that they choose; -o rules proposes rules')
    .option('--include-inside', 'the same, and take what is found with high or medium confidence');
}

/**
 * The flags and the configuration file together: a flag wins.
 * @param byDefault whether images are looked into when neither says anything
 * @throws AirgapError `usage` for rules of what is not looked at
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
    throw new AirgapError('usage', '-o rules is for what is found inside operators', { hint: 'add --look-inside' });
  }
  const access = await registryAccess(registry);
  const concurrency = registry.concurrency ?? DOWNLOADS;
  // What is taken along is not proposed any more.
  return { lookInside: { access, concurrency, include: include && output !== 'rules' } };
}
