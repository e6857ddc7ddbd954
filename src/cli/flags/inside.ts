import type { Command } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import type { InsideOptions } from '../../workflows/images.ts';
import { DOWNLOADS, type RegistryFlags, registryAccess } from './registry.ts';

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

/** @throws AirgapError `usage` for rules of what is not looked at */
export async function insideOptions(
  { lookInside, includeInside, output }: InsideFlags,
  registry: RegistryFlags,
): Promise<{ lookInside?: InsideOptions }> {
  if (lookInside !== true && includeInside !== true) {
    if (output !== 'rules') return {};
    throw new AirgapError('usage', '-o rules is for what is found inside operators', { hint: 'add --look-inside' });
  }
  const access = await registryAccess(registry);
  const concurrency = registry.concurrency ?? DOWNLOADS;
  return { lookInside: { access, concurrency, include: includeInside === true } };
}
