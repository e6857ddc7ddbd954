import { Command, Option } from 'commander';
import { parsePlatform } from '../../oci/platform.ts';
import { bundleReport } from '../../ui/reports.ts';
import type { BundleOptions, BundleResult } from '../../workflows/bundle.ts';
import { addChartsFlags, type ChartsFlags, type Gathered, gather } from '../flags/charts.ts';
import { lockedCharts } from '../flags/locked-charts.ts';
import { asDocument, outputOption } from '../flags/output.ts';
import { addRegistryFlags, DOWNLOADS, type RegistryFlags, registryAccess } from '../flags/registry.ts';
import { repeat } from '../flags/render.ts';
import type { Edge } from '../run.ts';

type Flags = ChartsFlags &
  RegistryFlags & {
    out: string;
    lock?: string;
    platform: string[];
    force?: true;
    imageConfigs: boolean;
    output: 'text' | 'json';
  };

export function bundleCommand(edge: Edge): Command {
  const command = new Command('bundle')
    .description('put charts and all their images into one file to carry over')
    .argument('[chart...]', 'chart folder, .tgz, oci://…, or a name with --repo')
    .requiredOption('--out <file>', 'the bundle to write')
    .option('--lock <file>', 'exactly the charts and images of a lock file, and nothing is searched')
    .option('--force', 'replace what is there')
    .option('--no-image-configs', 'without the images that the configs of images name, such as defaults of operators')
    .addOption(
      new Option('--platform <os/architecture>', 'only these platforms (repeatable, comma-separated; default: all)')
        .argParser(repeat)
        .default([], ''),
    )
    .addOption(outputOption(['text', 'json'], 'text'));
  addRegistryFlags(addChartsFlags(command), { mirrors: true });
  return command.action(async (charts: string[], flags: Flags) => {
    const gathered = await gather(edge, charts, flags, flags);
    const platforms = flags.platform.length > 0 ? flags.platform : gathered.platforms;
    const options = {
      ...gathered,
      out: flags.out,
      platforms: platforms.flatMap((list) => list.split(',')).map(parsePlatform),
      access: await registryAccess(gathered.registry),
      concurrency: flags.concurrency ?? DOWNLOADS,
      force: flags.force ?? false,
      imageConfigs: flags.imageConfigs,
    };
    const result = await run(edge, options, flags);
    if (flags.output === 'json') edge.print(await asDocument('Bundle', result, 'json'));
    else edge.tell(bundleReport(result));
  });
}

async function run(
  edge: Edge,
  options: BundleOptions & Pick<Gathered, 'registry'>,
  flags: Flags,
): Promise<BundleResult> {
  if (flags.lock === undefined) {
    const { bundle } = await import('../../workflows/bundle.ts');
    return bundle(edge.context, options);
  }
  const { bundleLocked } = await import('../../workflows/bundle-locked.ts');
  return bundleLocked(edge.context, { ...options, ...(await lockedCharts(edge, flags.lock, options, flags)) });
}
