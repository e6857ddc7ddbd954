import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import type { AirgapEvent } from '../../base/events.ts';
import { parsePlatform } from '../../oci/platform.ts';
import type { BundleOptions } from '../../workflows/bundle/bundle.ts';
import type { BundleResult } from '../../workflows/bundle/pack.ts';
import { bundleLockFileOptions } from '../flags/bundle-lock-file.ts';
import { addChartsFlags, type ChartsFlags, type ResolvedOptions, resolveOptions } from '../flags/charts.ts';
import { collect } from '../flags/collect.ts';
import { type OperatorScanFlags, operatorScanOptions } from '../flags/operator-scan.ts';
import { formatDocument, outputOption, printReport } from '../flags/output.ts';
import { addReferrerFlags, type ReferrerFlags, referrerOptions } from '../flags/referrers.ts';
import {
  addRegistryFlags,
  DOWNLOAD_CONCURRENCY,
  REMOTE_DOWNLOAD_CONCURRENCY,
  type RegistryFlags,
  registryAccess,
} from '../flags/registry.ts';
import { signingKey } from '../flags/signing.ts';
import { parseSplitSize } from '../flags/split-size.ts';
import { warnUnusedMirrors } from '../flags/unused-mirrors.ts';
import { examples } from '../help.ts';
import { bundleReport } from '../reports/bundle.ts';
import { operatorScanNotes } from '../reports/operator-scan.ts';
import type { CommandIO } from '../run.ts';

type Flags = ChartsFlags &
  RegistryFlags &
  ReferrerFlags &
  OperatorScanFlags & {
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

export function bundleCommand(io: CommandIO): Command {
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
        .argParser(collect)
        .default([], ''),
    )
    .addOption(outputOption(['text', 'json'], 'text'))
    .optionsGroup('Selection:')
    .addOption(
      new Option(
        '--platform <os/architecture>',
        'bundle these platforms only (repeatable, comma-separated; default: all)',
      )
        .argParser(collect)
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
  addRegistryFlags(io, addReferrerFlags(addChartsFlags(command)), { mirrors: true });
  return command.action(async (charts: string[], flags: Flags) => {
    const sign = flags.sign === undefined ? undefined : await signingKey(io, flags.sign);
    const resolved = await resolveOptions(io, charts, flags, flags);
    const platforms = flags.platform.length > 0 ? flags.platform : resolved.platforms;
    const options = {
      ...resolved,
      out: flags.out,
      platforms: platforms.flatMap((list) => list.split(',')).map(parsePlatform),
      access: await registryAccess(resolved.registry),
      concurrency: flags.concurrency ?? DOWNLOAD_CONCURRENCY,
      farConcurrency: flags.concurrency ?? REMOTE_DOWNLOAD_CONCURRENCY,
      force: flags.force ?? false,
      splitSize: flags.splitSize,
      sign,
      reuse: flags.reuse,
      dryRun: flags.dryRun ?? false,
      imageConfigs: flags.imageConfigs,
      ...(await referrerOptions(flags)),
      ...(await checkSince(io, flags)),
      // Commander sets lookInside to true unless --no-look-inside is given: true means not given.
      ...(await operatorScanOptions({ ...flags, lookInside: flags.lookInside ? undefined : false }, resolved, true)),
    };
    const result = await runBundle(io, options, flags);
    const { estimate, ...written } = result;
    const references = result.lock.images.map(({ reference }) => reference);
    const sources = result.lock.charts.map(({ source }) => source);
    warnUnusedMirrors(io.context.emit, flags, references, sources);
    if (flags.output === 'text') {
      printReport(io, bundleReport(result));
      const scanNotes = result.inside && operatorScanNotes(result.inside);
      if (scanNotes !== undefined) io.info(scanNotes);
    } else if (options.dryRun) io.print(await formatDocument('Estimate', { file: result.path, ...estimate }, 'json'));
    else io.print(await formatDocument('Bundle', written, 'json'));
  });
}

/** Checks that a delta does not overwrite the older bundle that it needs. @throws AirgapError `usage` */
async function checkSince({ context: { cwd } }: CommandIO, { since, out }: Flags): Promise<{ since?: string }> {
  if (since === undefined) return {};
  const { bundleName } = await import('../../bundle/files/split-index.ts');
  if (bundleName(resolve(cwd, since)) !== resolve(cwd, out)) return { since };
  throw new AirgapError('usage', '--since and --out are the same file', {
    hint: 'write the delta to another file: it needs the older bundle',
  });
}

async function runBundle(
  io: CommandIO,
  options: BundleOptions & Pick<ResolvedOptions, 'registry'>,
  flags: Flags,
): Promise<BundleResult> {
  const { emit } = io.context;
  // The estimate is the result of a dry run, and printed as such unless the run fails.
  let estimate: AirgapEvent | undefined;
  const hold = (event: AirgapEvent): void => {
    if (options.dryRun && flags.output === 'text' && event.type === 'estimate') estimate = event;
    else emit(event);
  };
  const context = { ...io.context, emit: hold };
  try {
    if (flags.lock === undefined) {
      const { bundle } = await import('../../workflows/bundle/bundle.ts');
      return await bundle(context, options);
    }
    const { bundleLockFile } = await import('../../workflows/bundle/bundle-lock-file.ts');
    return await bundleLockFile(context, {
      ...options,
      ...(await bundleLockFileOptions(io, flags.lock, options, flags)),
    });
  } catch (error) {
    if (estimate !== undefined) emit(estimate);
    throw error;
  }
}
