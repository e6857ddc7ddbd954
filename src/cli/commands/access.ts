import { Command } from '@commander-js/extra-typings';
import { examples } from '../help.ts';
import type { CommandIO } from '../run.ts';
import { accessApplyCommand } from './access-apply.ts';
import { accessExportCommand } from './access-export.ts';

/** Group of commands about accounts, teams and rights. */
export function accessCommand(io: CommandIO) {
  const command = new Command('access')
    .helpCommand('help [command]', 'display help for a command')
    .addHelpText(
      'after',
      examples('access export access.yaml --from msr.example', 'access apply access.yaml --to new.example'),
    );
  return command.addCommand(accessExportCommand(io)).addCommand(accessApplyCommand(io));
}
