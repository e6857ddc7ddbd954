import { dirname, resolve } from 'node:path';
import { Command, Option } from '@commander-js/extra-typings';
import { checkNewOutput, writeOutput } from '../../base/output-file.ts';
import { LIST_FORMATS } from '../../lists/list-format.ts';
import { parseAssignment, repeatable } from '../flags/option.ts';
import { formatDocument, outputOption, printReport } from '../flags/output.ts';
import { examples } from '../help.ts';
import { importDocument, importReport } from '../reports/import.ts';
import { displayPath } from '../reports/text.ts';
import type { CommandIO } from '../run.ts';
import { afterImport } from './after-import.ts';

function declare() {
  return new Command('import')
    .argument('<file...>', 'list to read, any of the formats below; "-" for standard input')
    .option('--out <file>', 'file to write, such as airgap.yaml; without it, the text is printed')
    .option('--force', 'overwrite an existing file')
    .addOption(
      new Option('--from-format <format>', 'format of the lists, if their content does not tell').choices(LIST_FORMATS),
    )
    .addOption(repeatable('--var <NAME=VALUE>', 'value of a variable in a list'))
    .addOption(outputOption(['text', 'json'], 'text'))
    .addHelpText(
      'after',
      examples('import hauler-manifest.yaml images.sh --out airgap.yaml', 'import compose.yaml --var TAG=1.4.2'),
    );
}

export function importCommand(io: CommandIO) {
  return declare().action(async (files, flags) => {
    const { cwd } = io.context;
    const form = { form: 'NAME=VALUE', example: 'TAG=1.2.3', mayBeEmpty: true };
    const variables = new Map(flags.var.map((text) => parseAssignment('--var', text, form)));
    const path = flags.out === undefined ? undefined : resolve(cwd, flags.out);
    if (path !== undefined) await checkNewOutput(path, '--out', flags.force ?? false);
    const { importLists } = await import('../../workflows/import/import.ts');
    const result = await importLists(
      { ...io.context, readInput: io.readInput },
      { files, format: flags.fromFormat, variables, folder: path === undefined ? cwd : dirname(path) },
    );
    const { configText } = await import('../config/write.ts');
    const text = configText(result, await schemaLines(path));
    if (path !== undefined) await writeOutput(path, text);
    const shown = path === undefined ? undefined : displayPath(path, cwd);
    if (flags.output === 'json') {
      io.print(await formatDocument('Import', importDocument(result, shown), 'json'));
      return;
    }
    if (shown === undefined) io.print(text);
    await printReport(io, importReport(result, shown), shown === undefined ? [] : afterImport(shown, result));
  });
}

/** Returns the line by which editors find the schema beside the file, if it is there. */
async function schemaLines(path: string | undefined): Promise<string[]> {
  if (path === undefined) return [];
  const { hasSchemaFile, SCHEMA_LINE } = await import('../config/schema-file.ts');
  return (await hasSchemaFile(dirname(path))) ? [SCHEMA_LINE] : [];
}
