import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import { jsonText } from '../../base/printable.ts';
import { inspectReport } from '../../ui/reports.ts';
import type { Inspection } from '../../workflows/inspect.ts';
import { asDocument, outputOption } from '../flags/output.ts';
import { requiredSigner, requireSignatureOption, type SignatureFlags } from '../flags/signing.ts';
import type { Edge } from '../run.ts';
import { VERSION } from '../version.ts';

/** `lock`: the file that stands for the bundle, for `--since` and `diff`. */
const FORMATS = ['text', 'json', 'yaml', 'cyclonedx', 'lock'] as const;

interface Flags extends SignatureFlags {
  readonly output: (typeof FORMATS)[number];
}

export function inspectCommand(edge: Edge): Command {
  return new Command('inspect')
    .description('say what is in a bundle, and why')
    .argument('<file>', 'the bundle')
    .addOption(requireSignatureOption())
    .addOption(outputOption(FORMATS, 'text'))
    .action(async (file: string, { output, ...flags }: Flags) => {
      const { signer } = await requiredSigner(flags);
      const { inspect, inspectLock } = await import('../../workflows/inspect.ts');
      if (output === 'lock') {
        const { formatExportedLock } = await import('../../lock/exported.ts');
        return edge.pass(formatExportedLock(await inspectLock(file, availableParallelism(), signer)));
      }
      const result = await inspect(file, signer);
      if (output === 'cyclonedx') return edge.print(await bill(result));
      edge.print(output === 'text' ? inspectReport(result) : await asDocument('Inspection', result, output));
    });
}

/** The bundle's bill of materials, CycloneDX 1.6 in JSON. */
async function bill({ file, lock }: Inspection): Promise<string> {
  if (lock === undefined) {
    throw new AirgapError('unsupported', `${file} has no lock that says what it holds`, {
      hint: 'only bundles have one; inspect without -o cyclonedx lists the images of any archive',
    });
  }
  const { cyclonedx } = await import('../../lock/cyclonedx.ts');
  return jsonText(cyclonedx(lock, VERSION), 2);
}
