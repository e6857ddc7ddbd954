import { Command } from '@commander-js/extra-typings';
import { formatDocument, outputOption } from '../flags/output.ts';
import { examples } from '../help.ts';
import { versionReport } from '../reports/version.ts';
import type { CommandIO } from '../run.ts';
import { COMMIT, VERSION } from '../version.ts';

export function versionCommand(io: CommandIO) {
  return new Command('version')
    .addOption(outputOption(['text', 'json', 'yaml'], 'text'))
    .addHelpText('after', examples('version', 'version -o json'))
    .action(async ({ output }) => {
      const { versions } = await import('../../workflows/version/version.ts');
      const found = await versions(io.context, { version: VERSION, commit: COMMIT });
      io.print(output === 'text' ? versionReport(found) : await formatDocument('Version', found, output));
    });
}
