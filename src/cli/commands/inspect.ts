import { availableParallelism } from 'node:os';
import { Command } from '@commander-js/extra-typings';
import { AirgapError } from '../../base/errors.ts';
import { jsonText } from '../../base/printable.ts';
import type { Inspection } from '../../workflows/inspect/inspect.ts';
import { formatDocument, outputOption, printReport } from '../flags/output.ts';
import { requiredSigner, requireSignatureOption } from '../flags/signatures.ts';
import { examples } from '../help.ts';
import { inspectReport } from '../reports/inspect.ts';
import type { CommandIO } from '../run.ts';
import { VERSION } from '../version.ts';
import { afterInspect } from './next-steps.ts';

/** `lock` prints the exported inventory, which replaces the bundle in `--since` and `diff`. */
const FORMATS = ['text', 'json', 'yaml', 'cyclonedx', 'lock'] as const;

export function inspectCommand(io: CommandIO) {
  return new Command('inspect')
    .argument('<file>', 'bundle to read')
    .addOption(requireSignatureOption())
    .addOption(outputOption(FORMATS, 'text'))
    .addHelpText('after', examples('inspect app.tar', 'inspect app.tar -o cyclonedx > app.cdx.json'))
    .action(async (file, { output, ...flags }) => {
      const { signer } = await requiredSigner(flags);
      const { inspect, inspectInventory } = await import('../../workflows/inspect/inspect.ts');
      if (output === 'lock') {
        const { formatExportedInventory } = await import('../../inventory/exported-inventory.ts');
        return io.write(
          formatExportedInventory(await inspectInventory(file, availableParallelism(), signer, io.context.emit)),
        );
      }
      const result = await inspect(file, signer, io.context.emit);
      if (output === 'cyclonedx') return io.print(await billOfMaterials(result));
      if (output !== 'text') return io.print(await formatDocument('Inspection', result, output));
      await printReport(io, { result: inspectReport(result), notes: [] }, afterInspect(file));
    });
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
