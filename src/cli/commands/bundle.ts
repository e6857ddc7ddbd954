import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import { parsePlatform } from '../../oci/platform.ts';
import { insideNews } from '../../ui/inside.ts';
import { bundleReport } from '../../ui/reports.ts';
import type { BundleOptions, BundleResult } from '../../workflows/bundle.ts';
import { addChartsFlags, type ChartsFlags, type Gathered, gather } from '../flags/charts.ts';
import { type InsideFlags, insideOptions } from '../flags/inside.ts';
import { lockedCharts } from '../flags/locked-charts.ts';
import { asDocument, outputOption } from '../flags/output.ts';
import { addReferrerFlags, type ReferrerFlags, referrerOptions } from '../flags/referrers.ts';
import { addRegistryFlags, DOWNLOADS, FAR_DOWNLOADS, type RegistryFlags, registryAccess } from '../flags/registry.ts';
import { repeat } from '../flags/repeat.ts';
import { signingKey } from '../flags/signing.ts';
import { parseSplitSize } from '../flags/split-size.ts';
import { warnUnusedMirrors } from '../flags/unused-mirrors.ts';
import type { Edge } from '../run.ts';

type Flags = ChartsFlags &
  RegistryFlags &
  ReferrerFlags &
  InsideFlags & {
    out: string;
    lock?: string;
    since?: string;
    platform: string[];
    force?: true;
    splitSize?: number;
    sign?: string;
    reuse: string[];
    dryRun?: true;
    imageConfigs: boolean;
    output: 'text' | 'json';
  };

export function bundleCommand(edge: Edge): Command {
  const command = new Command('bundle')
    .description('put charts and all their images into one file to carry over')
    .argument('[chart...]', 'chart folder, .tgz, oci://…, or a name with --repo')
    .requiredOption('--out <file>', 'the bundle to write')
    .option('--lock <file>', 'exactly the charts and images of a lock file, and nothing is searched')
    .option(
      '--since <file>',
      'a delta: without the image blobs of this older bundle, or of its lock (inspect -o lock); it has to be pushed before',
    )
    .option('--force', 'replace what is there')
    .option(
      '--split-size <size>',
      'in parts of this size, with an index beside them: 4095MiB for FAT32',
      parseSplitSize,
    )
    .option('--sign <key>', 'sign what is in it with this private key, a PEM file (passphrase: AIRGAP_KEY_PASSPHRASE)')
    .option('--dry-run', 'stop when it is known what is to be fetched; nothing is written')
    .addOption(
      new Option('--reuse <file>', 'an earlier bundle, to take from what it has already (repeatable)')
        .argParser(repeat)
        .default([], ''),
    )
    .option('--no-image-configs', 'without the images that the configs of images name, such as defaults of operators')
    .option('--no-look-inside', 'without looking into the images of operators for images that they choose')
    .option('--include-inside', 'with what is found there with high or medium confidence; else it is only listed')
    .addOption(
      new Option('--platform <os/architecture>', 'only these platforms (repeatable, comma-separated; default: all)')
        .argParser(repeat)
        .default([], ''),
    )
    .addOption(outputOption(['text', 'json'], 'text'));
  addRegistryFlags(edge, addReferrerFlags(addChartsFlags(command)), { mirrors: true });
  return command.action(async (charts: string[], flags: Flags) => {
    const sign = flags.sign === undefined ? undefined : await signingKey(edge, flags.sign);
    const gathered = await gather(edge, charts, flags, flags);
    const platforms = flags.platform.length > 0 ? flags.platform : gathered.platforms;
    const options = {
      ...gathered,
      out: flags.out,
      platforms: platforms.flatMap((list) => list.split(',')).map(parsePlatform),
      access: await registryAccess(gathered.registry),
      concurrency: flags.concurrency ?? DOWNLOADS,
      farConcurrency: flags.concurrency ?? FAR_DOWNLOADS,
      force: flags.force ?? false,
      splitSize: flags.splitSize,
      sign,
      reuse: flags.reuse,
      dryRun: flags.dryRun ?? false,
      imageConfigs: flags.imageConfigs,
      ...(await referrerOptions(flags)),
      ...(await olderBundle(edge, flags)),
      // Commander's default for a flag that begins with no is that nobody gave it.
      ...(await insideOptions({ ...flags, lookInside: flags.lookInside ? undefined : false }, gathered, true)),
    };
    const result = await run(edge, options, flags);
    const { estimate, ...written } = result;
    const references = result.lock.images.map(({ reference }) => reference);
    const sources = result.lock.charts.map(({ source }) => source);
    warnUnusedMirrors(edge.context.emit, flags, references, sources);
    if (flags.output === 'text') {
      edge.print(bundleReport(result));
      const news = result.inside && insideNews(result.inside);
      if (news !== undefined) edge.print(news);
    } else if (options.dryRun) edge.print(await asDocument('Estimate', { file: result.path, ...estimate }, 'json'));
    else edge.print(await asDocument('Bundle', written, 'json'));
  });
}

/** @throws AirgapError `usage` when the older bundle would be replaced by what is nothing without it */
async function olderBundle({ context: { cwd } }: Edge, { since, out }: Flags): Promise<{ since?: string }> {
  if (since === undefined) return {};
  const { bundleName } = await import('../../bundle/files/split-index.ts');
  if (bundleName(resolve(cwd, since)) !== resolve(cwd, out)) return { since };
  throw new AirgapError('usage', '--since names the file that --out writes', {
    hint: 'write the delta to another file: it cannot be used without the older bundle',
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
  const { bundleLocked } = await import('../../workflows/bundling/bundle-locked.ts');
  return bundleLocked(edge.context, { ...options, ...(await lockedCharts(edge, flags.lock, options, flags)) });
}
