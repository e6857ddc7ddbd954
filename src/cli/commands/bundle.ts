import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import type { AirgapEvent } from '../../base/events.ts';
import { parsePlatform } from '../../oci/platform.ts';
import { insideNews } from '../../ui/inside.ts';
import { bundleReport } from '../../ui/reports.ts';
import type { BundleOptions, BundleResult } from '../../workflows/bundle.ts';
import { addChartsFlags, type ChartsFlags, type Gathered, gather } from '../flags/charts.ts';
import { type InsideFlags, insideOptions } from '../flags/inside.ts';
import { lockedCharts } from '../flags/locked-charts.ts';
import { asDocument, outputOption, printReport } from '../flags/output.ts';
import { addReferrerFlags, type ReferrerFlags, referrerOptions } from '../flags/referrers.ts';
import { addRegistryFlags, DOWNLOADS, FAR_DOWNLOADS, type RegistryFlags, registryAccess } from '../flags/registry.ts';
import { repeat } from '../flags/repeat.ts';
import { signingKey } from '../flags/signing.ts';
import { parseSplitSize } from '../flags/split-size.ts';
import { warnUnusedMirrors } from '../flags/unused-mirrors.ts';
import { examples } from '../help.ts';
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
    .description('bundle charts and all their images into one file')
    .argument('[chart...]', 'chart folder, .tgz file, oci://… reference, or name with --repo')
    .requiredOption('--out <file>', 'bundle to write')
    .option('--lock <file>', 'bundle exactly the charts and images of a lock file, without discovery')
    .option(
      '--since <file>',
      'write a delta without the image blobs of this older bundle, or of its inventory from inspect -o lock; push the older bundle first',
    )
    .option('--force', 'overwrite an existing file')
    .option(
      '--split-size <size>',
      'split the bundle into parts of this size with an index file; use 4095MiB for FAT32',
      parseSplitSize,
    )
    .option('--sign <key>', 'sign the bundle with this private key, PEM (passphrase in AIRGAP_KEY_PASSPHRASE)')
    .option('--dry-run', 'print the estimated size and downloads, and write nothing')
    .addOption(
      new Option('--reuse <file>', 'copy blobs from an earlier bundle instead of fetching them (repeatable)')
        .argParser(repeat)
        .default([], ''),
    )
    .addOption(outputOption(['text', 'json'], 'text'))
    .optionsGroup('Selection:')
    .addOption(
      new Option(
        '--platform <os/architecture>',
        'bundle these platforms only (repeatable, comma-separated; default: all)',
      )
        .argParser(repeat)
        .default([], ''),
    )
    .option('--no-image-configs', 'leave out images named in image configs, such as defaults of operators')
    .option('--no-look-inside', 'do not scan operator images for images that they deploy')
    .option('--include-inside', 'add images found by that scan with high or medium confidence instead of listing them')
    .addHelpText(
      'after',
      examples(
        'bundle ./app -f values.yaml --out app.tar',
        'bundle --config airgap.yaml --platform linux/amd64 --out site.tar',
      ),
    );
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
      // Commander sets lookInside to true unless --no-look-inside is given: true means not given.
      ...(await insideOptions({ ...flags, lookInside: flags.lookInside ? undefined : false }, gathered, true)),
    };
    const result = await run(edge, options, flags);
    const { estimate, ...written } = result;
    const references = result.lock.images.map(({ reference }) => reference);
    const sources = result.lock.charts.map(({ source }) => source);
    warnUnusedMirrors(edge.context.emit, flags, references, sources);
    if (flags.output === 'text') {
      printReport(edge, bundleReport(result));
      const news = result.inside && insideNews(result.inside);
      if (news !== undefined) edge.tell(news);
    } else if (options.dryRun) edge.print(await asDocument('Estimate', { file: result.path, ...estimate }, 'json'));
    else edge.print(await asDocument('Bundle', written, 'json'));
  });
}

/** Checks that a delta does not overwrite the older bundle that it needs. @throws AirgapError `usage` */
async function olderBundle({ context: { cwd } }: Edge, { since, out }: Flags): Promise<{ since?: string }> {
  if (since === undefined) return {};
  const { bundleName } = await import('../../bundle/files/split-index.ts');
  if (bundleName(resolve(cwd, since)) !== resolve(cwd, out)) return { since };
  throw new AirgapError('usage', '--since and --out are the same file', {
    hint: 'write the delta to another file: it needs the older bundle',
  });
}

async function run(
  edge: Edge,
  options: BundleOptions & Pick<Gathered, 'registry'>,
  flags: Flags,
): Promise<BundleResult> {
  const { emit } = edge.context;
  // The estimate is the result of a dry run, and printed as such.
  const isResult = (event: AirgapEvent): boolean => options.dryRun && event.type === 'estimate';
  const context = { ...edge.context, emit: (event: AirgapEvent) => void (isResult(event) || emit(event)) };
  if (flags.lock === undefined) {
    const { bundle } = await import('../../workflows/bundle.ts');
    return bundle(context, options);
  }
  const { bundleLocked } = await import('../../workflows/bundling/bundle-locked.ts');
  return bundleLocked(context, { ...options, ...(await lockedCharts(edge, flags.lock, options, flags)) });
}
