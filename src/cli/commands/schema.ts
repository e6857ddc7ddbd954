import { Argument, Command } from '@commander-js/extra-typings';
import { outputOption } from '../flags/output.ts';
import { examples } from '../help.ts';
import type { CommandIO } from '../run.ts';

export function schemaCommand(io: CommandIO) {
  return new Command('schema')
    .addArgument(
      new Argument('[document]', 'document to describe')
        .choices(['config', 'lock-file', 'inventory'])
        .default('config'),
    )
    .addOption(outputOption(['json'], 'json'))
    .addHelpText('after', examples('schema > airgap.schema.json', 'schema lock-file'))
    .action(async (document) => {
      const { jsonSchema } = await import('../config/json-schema.ts');
      io.write(jsonSchema(document).text);
    });
}
