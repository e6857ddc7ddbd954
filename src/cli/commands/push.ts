import { Command, Option } from 'commander';
import { NAMINGS, type Naming, parseTarget } from '../../oci/naming.ts';
import { pushReport } from '../../ui/reports.ts';
import { asDocument, outputOption } from '../flags/output.ts';
import { addRegistryFlags, type RegistryFlags, registryAccess, UPLOADS } from '../flags/registry.ts';
import type { Edge } from '../run.ts';

type Flags = RegistryFlags & { to: string; naming: Naming; output: 'text' | 'json' };

export function pushCommand(edge: Edge): Command {
  const command = new Command('push')
    .description('send a bundle to a private registry')
    .argument('<file>', 'the bundle')
    .requiredOption('--to <registry[/prefix]>', 'where to')
    .addOption(namingOption())
    .addOption(outputOption(['text', 'json'], 'text'));
  addRegistryFlags(command, { mirrors: false });
  return command.action(async (file: string, flags: Flags) => {
    const { push } = await import('../../workflows/push.ts');
    const target = parseTarget(flags.to, flags.naming);
    const access = await registryAccess(flags);
    const result = await push(edge.context, { file, target, access, concurrency: flags.concurrency ?? UPLOADS });
    if (flags.output === 'json') edge.print(await asDocument('Push', result, 'json'));
    else edge.tell(pushReport(result));
  });
}

export function namingOption(): Option {
  return new Option('--naming <rule>', 'host-path: PREFIX/<source host>/<path>; path: PREFIX/<path>')
    .choices(NAMINGS)
    .default('host-path');
}
