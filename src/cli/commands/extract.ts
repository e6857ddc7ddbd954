import { availableParallelism } from 'node:os';
import { Command } from '@commander-js/extra-typings';
import { AirgapError } from '../../base/errors.ts';
import { parsePlatform } from '../../oci/platform.ts';
import type { ExtractSelection } from '../../workflows/extract/extract.ts';
import { formatDocument, outputOption, printReport } from '../flags/output.ts';
import { requiredSigners, requireSignatureOption } from '../flags/signatures.ts';
import { examples } from '../help.ts';
import { extractionReport } from '../reports/extract.ts';
import type { CommandIO } from '../run.ts';
import { afterExtract } from './next-steps.ts';

export function extractCommand(io: CommandIO) {
  return new Command('extract')
    .argument('<file>', 'bundle to read')
    .requiredOption('--out <file>', 'file to write; the provenance of a chart is written to <file>.prov')
    .option('--chart <name[@version]>', 'chart to extract')
    .option('--image <reference>', 'image to extract; * matches anything, and exactly one image must match')
    .option('--platform <os/architecture>', 'extract the image of this platform only, with its own digest')
    .option('--no-referrers', 'leave out signatures, attestations and other referrers')
    .option('--force', 'overwrite an existing file')
    .addOption(requireSignatureOption())
    .addOption(outputOption(['text', 'json'], 'text'))
    .addHelpText(
      'after',
      examples(
        'extract app.tar --chart app --out app.tgz',
        'extract app.tar --image quay.io/team/web:1.4.2 --out web.tar',
      ),
    )
    .action(async (file, flags) => {
      const { out, force = false, output } = flags;
      const selection = selectionOf(flags);
      const signing = await requiredSigners(flags);
      const { extract } = await import('../../workflows/extract/extract.ts');
      const concurrency = availableParallelism();
      const result = await extract(io.context, { file, selection, out, force, concurrency, ...signing });
      if (output === 'json') io.print(await formatDocument('Extraction', result, 'json'));
      else await printReport(io, extractionReport(result), afterExtract(result.type, out));
    });
}

/** Flags that select what to extract. */
interface SelectionFlags {
  readonly chart?: string;
  readonly image?: string;
  readonly platform?: string;
  readonly referrers: boolean;
}

function selectionOf({ chart, image, platform, referrers }: SelectionFlags): ExtractSelection {
  if ((chart === undefined) === (image === undefined)) {
    throw new AirgapError('usage', 'one chart or one image can be extracted at a time', {
      hint: 'give either --chart or --image',
    });
  }
  if (image !== undefined) {
    return { image, referrers, platform: platform === undefined ? undefined : parsePlatform(platform) };
  }
  if (platform !== undefined) {
    throw new AirgapError('usage', '--platform cannot be used with --chart', {
      hint: 'leave it out: charts have no platform',
    });
  }
  return { chart: chart as string };
}
