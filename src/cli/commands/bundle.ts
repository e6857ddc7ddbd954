import { resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { AirgapError } from '../../base/errors.ts';
import type { AirgapEvent } from '../../base/events.ts';
import { unallowed } from '../../inventory/missing-images.ts';
import { parsePlatform } from '../../oci/platform.ts';
import type { Context } from '../../session/context.ts';
import type { BundleOptions } from '../../workflows/bundle/bundle.ts';
import type { BundleResult } from '../../workflows/bundle/pack.ts';
import type { ToolSources } from '../../workflows/bundle/tools/tools.ts';
import { addAllowMissingFlag, addChartsFlags, readRules, warnUnusedMirrors } from '../flags/charts.ts';
import { failOnOption, failsOn } from '../flags/fail-on.ts';
import { addImageStreamFlags } from '../flags/image-streams.ts';
import { addSignerFlags, requiredSignatures } from '../flags/keyless.ts';
import { operatorScanSettings } from '../flags/operator-scan.ts';
import { type FlagsOf, parseSplitSize, repeatable } from '../flags/option.ts';
import { formatDocument, outputOption, printReport } from '../flags/output.ts';
import {
  addRegistryFlags,
  mirrorOption,
  preferPublicEcrOption,
  REMOTE_DOWNLOAD_CONCURRENCY,
  registryAccess,
} from '../flags/registry.ts';
import { readSettings, type Settings } from '../flags/settings.ts';
import { addReferrerFlags, referrerOptions, signingKey } from '../flags/signatures.ts';
import { addToolFlags, toolSources } from '../flags/tools.ts';
import { examples } from '../help.ts';
import { bundleReport } from '../reports/bundle.ts';
import { operatorScanNotes } from '../reports/operator-scan.ts';
import type { CommandIO } from '../run.ts';
import { bundleLockFileOptions } from './lock-file.ts';
import { withLog } from './log-file.ts';
import { bundleMissingOptions } from './missing-list.ts';
import { afterBundle } from './next-steps.ts';

/** Declares the command and its flags. */
function declare(io: CommandIO) {
  const command = new Command('bundle')
    .argument('[chart...]', 'chart folder, .tgz file, oci://... reference, or name with --repo')
    .requiredOption('--out <file>', 'bundle to write')
    .option('--lock <file>', 'bundle exactly the charts and images of a lock file, without discovery')
    .option(
      '--only-missing <file>',
      'bundle the images that this document of check -o json lists as missing, and the named charts',
    )
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
    .option('--log-file <file>', 'append each event to a log, one JSON object per line')
    .addOption(repeatable('--reuse <file>', 'copy blobs from an earlier bundle instead of fetching them'))
    .addOption(outputOption(['text', 'json'], 'text'))
    .addOption(failOnOption())
    .optionsGroup('Selection:')
    .addOption(
      repeatable('--platform <os/architecture>', 'bundle these platforms only', ', comma-separated; default: all'),
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
  const selecting = addSignerFlags(addReferrerFlags(addImageStreamFlags(addAllowMissingFlag(addChartsFlags(command)))));
  const carrying = addToolFlags(selecting.optionsGroup('Tools for the other side:')).optionsGroup(
    'Registries and TLS:',
  );
  return addRegistryFlags(carrying.addOption(mirrorOption()).addOption(preferPublicEcrOption()), io);
}

type Flags = FlagsOf<typeof declare>;

export function bundleCommand(io: CommandIO) {
  return declare(io).action(async (charts, flags, command) => {
    const sign = flags.sign === undefined ? undefined : await signingKey(io, flags.sign);
    const settings = await readSettings(io, charts, flags);
    const platforms = flags.platform.length > 0 ? flags.platform : settings.config.platforms;
    const { policy, trustedRoot } = await requiredSignatures(flags, settings, io.context.cwd, 'bundle');
    const options = {
      ...settings,
      rules: await readRules(flags.rules.map((path) => resolve(io.context.cwd, path))),
      out: flags.out,
      platforms: platforms.flatMap((list) => list.split(',')).map(parsePlatform),
      ...(await registryAccess(settings.registry)),
      farConcurrency: flags.concurrency ?? REMOTE_DOWNLOAD_CONCURRENCY,
      force: flags.force ?? false,
      splitSize: flags.splitSize,
      sign,
      reuse: flags.reuse,
      dryRun: flags.dryRun ?? false,
      toolSources: toolSources(io.context, flags, settings),
      imageConfigs: flags.imageConfigs,
      ...referrerOptions(flags, policy),
      trustedRoot: trustedRoot?.bytes,
      since: await olderBundle(io, flags),
      // Commander sets lookInside to true unless --no-look-inside is given: true means not given.
      operatorScan: await operatorScanSettings(
        { ...flags, lookInside: flags.lookInside ? undefined : false },
        settings,
        true,
      ),
    };
    const result = await withLog(io.context, flags.logFile, (context) => runBundle({ ...io, context }, options, flags));
    const { estimate, ...written } = result;
    const { notKnown, images } = result.lock;
    const isIncomplete = unallowed(result.missing).length > 0;
    if (isIncomplete || failsOn(flags, notKnown, images.length)) io.setExitCode(3);
    const references = images.map(({ reference }) => reference);
    const sources = result.lock.charts.map(({ source }) => source);
    warnUnusedMirrors(io.context.emit, flags, references, sources);
    if (flags.output === 'text') {
      const { result: content, notes } = bundleReport(result);
      const scan = result.inside === undefined ? [] : operatorScanNotes(result.inside);
      const bundled = { ...result, file: flags.out, parts: result.parts?.length };
      const next = isIncomplete ? [] : afterBundle(command, bundled);
      await printReport(io, { result: content, notes: [...scan, ...notes] }, next);
    } else if (options.dryRun)
      io.print(
        await formatDocument(
          'Estimate',
          { file: result.path, ...estimate, counts: result.counts, missing: result.missing },
          'json',
        ),
      );
    else io.print(await formatDocument('Bundle', written, 'json'));
  });
}

/** Returns the older bundle of a delta, which must not overwrite it. @throws AirgapError `usage` */
async function olderBundle({ context: { cwd } }: CommandIO, { since, out }: Flags): Promise<string | undefined> {
  if (since === undefined) return undefined;
  const { bundleName } = await import('../../bundle/files/split-index.ts');
  if (bundleName(resolve(cwd, since)) !== resolve(cwd, out)) return since;
  throw new AirgapError('usage', '--since and --out are the same file', {
    hint: 'write the delta to another file: it needs the older bundle',
  });
}

/** Finds the tools before the work: charts and registries take longer. */
async function bundledTools(
  context: Context,
  { toolSources: sources, platforms }: { readonly toolSources: ToolSources } & Pick<BundleOptions, 'platforms'>,
): Promise<BundleOptions['tools']> {
  if (sources.packages === undefined && sources.helm.length === 0) return undefined;
  const { findTools } = await import('../../workflows/bundle/tools/tools.ts');
  return findTools(context, sources, platforms);
}

async function runBundle(
  io: CommandIO,
  found: BundleOptions & Pick<Settings, 'registry' | 'config'> & { readonly toolSources: ToolSources },
  flags: Flags,
): Promise<BundleResult> {
  const { emit } = io.context;
  // The estimate is the result of a dry run, and printed as such unless the run fails.
  let estimate: AirgapEvent | undefined;
  const hold = (event: AirgapEvent): void => {
    if (found.dryRun && flags.output === 'text' && event.type === 'estimate') estimate = event;
    else emit(event);
  };
  const context = { ...io.context, emit: hold };
  try {
    const options = { ...found, tools: await bundledTools(context, found) };
    if (flags.onlyMissing !== undefined) {
      const { bundleMissing } = await import('../../workflows/bundle/bundle-missing.ts');
      return await bundleMissing(context, await bundleMissingOptions(io, flags.onlyMissing, options, flags));
    }
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
