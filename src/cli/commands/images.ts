import { Command } from 'commander';
import { AirgapError, combine } from '../../base/errors.ts';
import { imagesReport, networkReport } from '../../ui/reports.ts';
import { addChartsFlags, type ChartsFlags, gather } from '../flags/charts.ts';
import { asDocument, outputOption } from '../flags/output.ts';
import { addRegistryFlags, type RegistryFlags } from '../flags/registry.ts';
import type { Edge } from '../run.ts';

type Flags = ChartsFlags & RegistryFlags & { network?: true; output: 'table' | 'json' | 'yaml' | 'txt' };

export function imagesCommand(edge: Edge): Command {
  const command = new Command('images')
    .description('list every image that the charts need, and where each was found')
    .argument('[chart...]', 'chart folder, .tgz, oci://…, or a name with --repo')
    .option('--network', 'what the workloads would fetch from the internet besides images, too')
    .addOption(outputOption(['table', 'json', 'yaml', 'txt'], 'table'));
  addRegistryFlags(addChartsFlags(command), { mirrors: false });
  return command.action(async (charts: string[], flags: Flags) => {
    const { images } = await import('../../workflows/images.ts');
    const gathered = await gather(edge, charts, flags, flags);
    if (gathered.charts.length === 0 && gathered.add.length === 0) {
      throw new AirgapError('usage', 'no chart was given', {
        hint: 'helm airgap images CHART, or --config airgap.yaml',
      });
    }
    const { failures, network, ...found } = await images(edge.context, gathered);
    const result = flags.network ? { ...found, network } : found;
    if (flags.output === 'table') {
      edge.print(imagesReport(found));
      if (flags.network) edge.print(`\n${networkReport(network)}`);
    } else if (flags.output === 'txt') edge.print(listed(result.images));
    else edge.print(await asDocument('Images', result, flags.output));
    // What was found is of use all the same, but the run has not done what it should.
    if (failures.length > 0) {
      throw combine(
        failures,
        `${failures.length} charts within charts could not be searched; their images are missing`,
      );
    }
  });
}

/** One reference a line, as `--images` reads them; what is only possible is commented out. */
function listed(found: readonly { reference: string; confidence: string }[]): string {
  return found
    .map(({ reference, confidence }) => (confidence === 'possible' ? `# possible: ${reference}` : reference))
    .join('\n');
}
