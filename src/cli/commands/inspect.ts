import { availableParallelism } from 'node:os';
import { Command, Option } from '@commander-js/extra-typings';
import { AirgapError } from '../../base/errors.ts';
import { jsonText } from '../../base/printable.ts';
import type { Inspection } from '../../workflows/inspect/inspect.ts';
import { addConfigFlags } from '../flags/charts.ts';
import { givenFlags } from '../flags/option.ts';
import { formatDocument, outputOption, printReport } from '../flags/output.ts';
import { requiredSigners, requireSignatureOption } from '../flags/signatures.ts';
import { addNamingFlags } from '../flags/target.ts';
import { examples } from '../help.ts';
import { inspectReport } from '../reports/inspect.ts';
import type { CommandIO } from '../run.ts';
import { VERSION } from '../version.ts';
import type { ProofFlags } from './inspect-html.ts';
import { afterInspect } from './next-steps.ts';

/** `lock` prints the exported inventory, which replaces the bundle in `--since` and `diff`. */
const FORMATS = ['text', 'json', 'yaml', 'cyclonedx', 'lock', 'html'] as const;

export function inspectCommand(io: CommandIO) {
  const command = new Command('inspect')
    .argument('<file>', 'bundle to read')
    .addOption(requireSignatureOption())
    .addOption(outputOption(FORMATS, 'text'))
    .optionsGroup('Report to approve (-o html):')
    .option('--out <file>', 'write the report to this file; only another report is replaced')
    .option(
      '--since <file>',
      'show what is new, changed and gone since this bundle, or its inventory (inspect -o lock)',
    )
    .option('--verdicts <file>', 'show these verdicts of verify --with')
    .option('--to <registry[/prefix]>', 'prove the overrides for this registry: render each chart with them')
    .addOption(
      new Option('--unmapped <how>', 'with --to: what redirects references that no value redirects').choices([
        'post-render',
        'repack',
      ]),
    );
  const proving = addConfigFlags(command, 'with --to: charts, profiles and values from this airgap.yaml');
  return addNamingFlags(proving)
    .addHelpText(
      'after',
      examples(
        'inspect app.tar',
        'inspect app.tar -o cyclonedx > app.cdx.json',
        'inspect app.tar -o html --since v1.tar --out report.html',
        'inspect app.tar -o html --to registry.example --out report.html',
      ),
    )
    .action(async (file, { output, out, since, verdicts, ...flags }) => {
      checkReportFlags({ ...flags, output, out, since, verdicts });
      const { signers } = await requiredSigners(flags);
      if (output === 'html') {
        const { writeHtmlReport } = await import('./inspect-html.ts');
        return writeHtmlReport(io, file, { signers, since, verdicts, out }, flags);
      }
      const { inspect, inspectInventory } = await import('../../workflows/inspect/inspect.ts');
      if (output === 'lock') {
        const { formatExportedInventory } = await import('../../inventory/exported-inventory.ts');
        return io.write(
          formatExportedInventory(await inspectInventory(file, availableParallelism(), signers, io.context.emit)),
        );
      }
      const result = await inspect(file, signers, io.context.emit);
      if (output === 'cyclonedx') return io.print(await billOfMaterials(result));
      if (output !== 'text') return io.print(await formatDocument('Inspection', result, output));
      await printReport(io, { result: inspectReport(result), notes: [] }, afterInspect(file));
    });
}

/** @throws AirgapError `usage` for flags of the report without the report, and for flags of its proof without the proof */
function checkReportFlags(
  flags: ProofFlags & Readonly<Record<'output' | 'out' | 'since' | 'verdicts', string | undefined>>,
): void {
  const { output, out, since, verdicts, to, config, unmapped, chartPrefix, naming, namingRule, registryType } = flags;
  const refuse = (given: Readonly<Record<string, unknown>>, needed: string): void => {
    const [flag] = givenFlags(given);
    if (flag === undefined) return;
    throw new AirgapError('usage', `${flag} needs ${needed}`, { hint: `add ${needed}, or leave out ${flag}` });
  };
  if (to === undefined) {
    const names = { '--naming': naming, '--naming-rule': namingRule.length > 0, '--chart-prefix': chartPrefix };
    const of = { '--unmapped': unmapped, '--config': config, ...names, '--registry-type': registryType };
    refuse({ ...of, '--var': flags.var.length > 0 }, '--to');
  }
  if (output !== 'html') refuse({ '--out': out, '--since': since, '--verdicts': verdicts, '--to': to }, '-o html');
}

/** Returns the bill of materials of a bundle, CycloneDX 1.6 in JSON. */
async function billOfMaterials({ file, lock }: Inspection): Promise<string> {
  if (lock === undefined) {
    throw new AirgapError('unsupported', `${file} has no inventory`, {
      hint: 'only bundles have one; inspect without -o cyclonedx lists the images of any archive',
    });
  }
  const { cyclonedxBom } = await import('../../inventory/cyclonedx.ts');
  return jsonText(cyclonedxBom(lock, VERSION), 2);
}
