import { Command, Option } from 'commander';
import { parsePlatform } from '../../oci/platform.ts';
import { bundleReport } from '../../ui/reports.ts';
import { addChartsFlags, type ChartsFlags, gather } from '../flags/charts.ts';
import { asDocument, outputOption } from '../flags/output.ts';
import { addRegistryFlags, DOWNLOADS, type RegistryFlags, registryAccess } from '../flags/registry.ts';
import { repeat } from '../flags/render.ts';
import type { Edge } from '../run.ts';

type Flags = ChartsFlags & RegistryFlags & { out: string; platform: string[]; force?: true; output: 'text' | 'json' };

export function bundleCommand(edge: Edge): Command {
  const command = new Command('bundle')
    .description('put charts and all their images into one file to carry over')
    .argument('[chart...]', 'chart folder, .tgz, oci://…, or a name with --repo')
    .requiredOption('--out <file>', 'the bundle to write')
    .option('--force', 'replace what is there')
    .addOption(
      new Option('--platform <os/architecture>', 'only these platforms (repeatable, comma-separated; default: all)')
        .argParser(repeat)
        .default([], ''),
    )
    .addOption(outputOption(['text', 'json'], 'text'));
  addRegistryFlags(addChartsFlags(command), { mirrors: true });
  return command.action(async (charts: string[], flags: Flags) => {
    const { bundle } = await import('../../workflows/bundle.ts');
    const gathered = await gather(edge, charts, flags, flags);
    const platforms = flags.platform.length > 0 ? flags.platform : gathered.platforms;
    const result = await bundle(edge.context, {
      ...gathered,
      out: flags.out,
      platforms: platforms.flatMap((list) => list.split(',')).map(parsePlatform),
      access: await registryAccess(gathered.registry),
      concurrency: flags.concurrency ?? DOWNLOADS,
      force: flags.force ?? false,
    });
    if (flags.output === 'json') edge.print(await asDocument('Bundle', result, 'json'));
    else edge.tell(bundleReport(result));
  });
}
