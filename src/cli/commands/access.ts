import { Command } from '@commander-js/extra-typings';
import { examples } from '../help.ts';
import type { CommandIO } from '../run.ts';
import { accessExportCommand } from './access-export.ts';

/** Group of commands about accounts, teams and rights. */
export function accessCommand(io: CommandIO) {
  const command = new Command('access')
    .description('accounts, organizations, teams and rights of a registry')
    .helpCommand('help [command]', 'display help for a command')
    .addHelpText('after', examples('access export access.yaml --from msr.example'));
  for (const create of [accessExportCommand]) command.addCommand(create(io));
  return command;
}
