import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import { parsePlatform } from '../../oci/platform.ts';
import { extractionReport } from '../../ui/extraction.ts';
import type { Wanted } from '../../workflows/extract.ts';
import { asDocument, outputOption } from '../flags/output.ts';
import { requiredSigner, requireSignatureOption, type SignatureFlags } from '../flags/signing.ts';
import type { Edge } from '../run.ts';

interface Flags extends SignatureFlags {
  readonly chart?: string;
  readonly image?: string;
  readonly platform?: string;
  readonly referrers: boolean;
  readonly out: string;
  readonly force?: true;
  readonly output: 'text' | 'json';
}

export function extractCommand(edge: Edge): Command {
  return new Command('extract')
    .description('give back a chart, or an image as an OCI archive, out of a bundle')
    .argument('<file>', 'the bundle')
    .requiredOption('--out <file>', 'the file to write; a chart’s provenance goes beside it, with .prov at its end')
    .option('--chart <name[@version]>', 'the chart that is wanted')
    .option('--image <reference>', 'the image that is wanted; * stands for anything, and one image has to fit')
    .option('--platform <os/architecture>', 'the image of this platform only, with its own digest')
    .option('--no-referrers', 'the image without signatures and whatever else belongs to it')
    .option('--force', 'replace what is there')
    .addOption(requireSignatureOption())
    .addOption(outputOption(['text', 'json'], 'text'))
    .action(async (file: string, flags: Flags) => {
      const { out, force = false, output } = flags;
      const wanted = wantedOf(flags);
      const signing = await requiredSigner(flags);
      const { extract } = await import('../../workflows/extract.ts');
      const concurrency = availableParallelism();
      const result = await extract(edge.context, { file, wanted, out, force, concurrency, ...signing });
      if (output === 'json') edge.print(await asDocument('Extraction', result, 'json'));
      else edge.print(extractionReport(result));
    });
}

function wantedOf({ chart, image, platform, referrers }: Flags): Wanted {
  if ((chart === undefined) === (image === undefined)) {
    throw new AirgapError('usage', 'one thing can be extracted at a time', { hint: 'give --chart or --image' });
  }
  if (image !== undefined) {
    return { image, referrers, ...(platform === undefined ? {} : { platform: parsePlatform(platform) }) };
  }
  if (platform !== undefined) {
    throw new AirgapError('usage', '--platform is for images', { hint: 'leave it out: a chart has no platform' });
  }
  return { chart: chart as string };
}
