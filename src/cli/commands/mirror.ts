import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { AirgapError } from '../../base/errors.ts';
import { unallowed } from '../../inventory/missing-images.ts';
import { formatTarget } from '../../naming/naming.ts';
import { parsePlatform } from '../../oci/platform.ts';
import { formatReference } from '../../oci/reference.ts';
import type { ImagesOptions } from '../../workflows/images/images.ts';
import type { Shard } from '../../workflows/mirror/listing/index.ts';
import type { ListedMirror, MirroredGraph } from '../../workflows/mirror/mirror.ts';
import type { MirrorOptions } from '../../workflows/mirror/options.ts';
import { addAllowMissingFlag, addChartsFlags, readRules, warnUnusedMirrors } from '../flags/charts.ts';
import { addDestinationClusterFlags, destinationLoginsOf } from '../flags/clusters.ts';
import { addEcrFlags, declaredHosts, repositoryOptions, warnUnusedEcrFlags } from '../flags/ecr.ts';
import { addFromFlags, type FromSettings, readFrom } from '../flags/from.ts';
import { addImageStreamFlags, streamNaming } from '../flags/image-streams.ts';
import { addSignerFlags, requiredSignatures } from '../flags/keyless.ts';
import type { ReadLogin } from '../flags/login.ts';
import { operatorScanSettings } from '../flags/operator-scan.ts';
import { type FlagsOf, repeatable } from '../flags/option.ts';
import { outputOption, printReport } from '../flags/output.ts';
import {
  addRegistryFlags,
  mirrorOption,
  preferPublicEcrOption,
  registryAccess,
  UPLOAD_CONCURRENCY,
} from '../flags/registry.ts';
import { readSettings, type Settings } from '../flags/settings.ts';
import { addReferrerFlags, referrerOptions } from '../flags/signatures.ts';
import { addNamingFlags, checkHasTarget, targetsOf } from '../flags/target.ts';
import { examples } from '../help.ts';
import { listingReport, mirrorPlanReport, mirrorReport, plannedSettingsReport } from '../reports/mirror.ts';
import { pushDocument } from '../reports/push.ts';
import type { CommandIO } from '../run.ts';
import { bundleLockFileOptions } from './lock-file.ts';
import { withLog } from './log-file.ts';
import { afterListing, afterMirror, afterPushPlan } from './next-steps.ts';
import { Receipts } from './receipts.ts';
import { printPlans, printTargetResults } from './target-results.ts';

/** Declares the command and its flags. */
function declare(io: CommandIO) {
  const command = new Command('mirror')
    .argument('[chart...]', 'chart folder, .tgz file, oci://... reference, or name with --repo')
    .addOption(repeatable('--to <registry[/prefix]>', 'target registry and repository prefix'))
    .option('--lock <file>', 'copy exactly the charts and images of a lock file, without discovery')
    .option('--list', 'list what would be copied; read tags only')
    .option('--plan <file>', 'write the selected tags to this file, or copy those of an existing file')
    .option('--shard <i/n>', 'copy only the repositories of one of n runs, counted from 0', checkShard)
    .option('--recheck', 'compare all content below the tags, not the tags alone')
    .option('--carry-repository-settings', 'carry tag immutability, descriptions and visibility of repositories')
    .option('--allow-public-repositories', 'with --carry-repository-settings: make public what is public at its source')
    .addOption(
      new Option('--on-existing-tag <action>', 'what to do with a tag that exists with other content')
        .choices(['skip', 'error', 'overwrite'])
        .default('overwrite'),
    )
    .option('--dry-run', 'show what is present and what would be copied, and copy nothing')
    .option('--receipt <file>', 'write a receipt of the copied content, for verify --receipt')
    .option('--log-file <file>', 'append each event to a log, one JSON object per line')
    .addOption(outputOption(['text', 'json'], 'text'));
  const listing = addFromFlags(command)
    .optionsGroup('Selection:')
    .addOption(
      repeatable('--platform <os/architecture>', 'copy these platforms only', ', comma-separated; default: all'),
    )
    .option('--no-image-configs', 'leave out images named in image configs of charts, such as defaults of operators')
    .option('--include-inside', 'scan operator images, and add images found with high or medium confidence')
    .addHelpText(
      'after',
      examples(
        'mirror --images images.txt --to registry.example/mirror',
        "mirror --from quay.io --repository 'team/*' --to registry.example",
        'mirror ./app --to registry.example/mirror --dry-run',
      ),
    );
  const streams = addDestinationClusterFlags(addImageStreamFlags(addAllowMissingFlag(addChartsFlags(listing))));
  const selecting = addSignerFlags(addReferrerFlags(streams)).optionsGroup('Registries and TLS:');
  return addEcrFlags(
    addNamingFlags(addRegistryFlags(selecting.addOption(mirrorOption()).addOption(preferPublicEcrOption()), io)),
  );
}

type Flags = FlagsOf<typeof declare> & ReadLogin;

export function mirrorCommand(io: CommandIO) {
  return declare(io).action(async (charts, flags, command) => {
    const options = await mirrorOptions(io, charts, flags);
    if (!flags.list) checkHasTarget(options.targets);
    const targets = options.targets.map(formatTarget);
    const isJson = flags.output === 'json';
    if (flags.list) {
      const { listMirror } = await import('../../workflows/mirror/mirror.ts');
      return printListing(
        io,
        await listMirror(io.context, options),
        isJson,
        afterListing(command, options.targets.length > 0),
      );
    }
    const receipts = flags.receipt === undefined ? undefined : new Receipts(flags.receipt, targets, io.context.cwd);
    await receipts?.check();
    const registries = options.targets.map(({ registry }) => registry);
    await warnUnusedEcrFlags(registries, options.access.ecrHosts, options.repositories, io.context.emit);
    await withLog(io.context, flags.logFile, async (context) => {
      const { mirror, planMirror } = await import('../../workflows/mirror/mirror.ts');
      if (flags.dryRun) {
        const plans = await planMirror(context, options);
        if (isIncomplete(plans)) io.setExitCode(3);
        const format = { kind: 'MirrorDryRun', report: mirrorPlanReport };
        return printPlans(io, format, plans, flags.output, afterPushPlan(command));
      }
      const results = await printTargetResults(
        io,
        { kind: 'Mirror', targets, isJson, receipts, report: mirrorReport, document: pushDocument },
        (onTargetDone: (result: MirroredGraph) => Promise<void>) => mirror(context, options, onTargetDone),
      );
      const images = results.flatMap((result) => result.receipt.items.map(({ source }) => source));
      const sources = options.sources.charts?.charts.map(({ request }) => request.chart) ?? [];
      warnUnusedMirrors(context.emit, flags, images, sources);
      if (isIncomplete(results)) return io.setExitCode(3);
      if (!isJson) await printReport(io, { result: [], notes: [] }, afterMirror(command, charts));
    });
  });
}

/** Reports whether images of charts do not exist, and nobody accepted that. */
function isIncomplete(results: readonly Pick<MirroredGraph, 'missing'>[]): boolean {
  return results.some(({ missing }) => unallowed(missing).length > 0);
}

/** Prints what would be copied: references, or the document that `--plan` writes. */
async function printListing(
  io: CommandIO,
  { repositories, settings }: ListedMirror,
  isJson: boolean,
  next: readonly string[],
): Promise<void> {
  const notes = plannedSettingsReport(settings);
  if (isJson) {
    const { formatMirrorPlan } = await import('../../inventory/mirror-plan.ts');
    io.print(formatMirrorPlan(repositories).trimEnd());
    return printReport(io, { result: [], notes });
  }
  const { referenceOf } = await import('../../workflows/mirror/listing/index.ts');
  const references = repositories.flatMap(({ repository, lookups }) =>
    lookups.map((lookup) => formatReference(referenceOf(repository, lookup))),
  );
  const report = listingReport(references, repositories.length);
  await printReport(io, { ...report, notes: [...report.notes, ...notes] }, next);
}

/** Maps the flags to the options of the workflow. @throws AirgapError `usage`, `config`, `file` */
async function mirrorOptions(io: CommandIO, charts: string[], flags: Flags): Promise<MirrorOptions> {
  const { cwd, env } = io.context;
  const settings = await readSettings(io, charts, flags, { readsFrom: true });
  const { config, registry } = settings;
  const { policy } = await requiredSignatures(flags, settings, cwd, 'mirror');
  const from = await readFrom(io, flags, config);
  const naming = streamNaming(config.naming, flags, settings.imageStreamRoute);
  const targets = await targetsOf(flags, { ...config, naming });
  const named = [...(registry.named ?? []), ...from.named, ...targets.map((target) => target.registry)];
  const { access, concurrency } = await registryAccess({
    ...registry,
    named,
    logins: from.logins,
    clusterLogins: [
      ...(registry.clusterLogins ?? []),
      ...(await destinationLoginsOf(
        io.context,
        flags,
        targets.map((target) => target.registry),
      )),
    ],
    clientCertificates: [...registry.clientCertificates, ...from.clientCertificates],
  });
  const platforms = flags.platform.length > 0 ? flags.platform : config.platforms;
  return {
    sources: await mirrorSources(io, flags, settings, from, concurrency),
    targets,
    access: { ...access, ecrHosts: await declaredHosts(named, flags, env) },
    concurrency,
    uploadConcurrency: flags.concurrency ?? UPLOAD_CONCURRENCY,
    platforms: platforms.flatMap((list) => list.split(',')).map(parsePlatform),
    imageConfigs: flags.imageConfigs,
    allowMissing: settings.allowMissing,
    ...referrerOptions(flags, policy),
    existing: flags.onExistingTag,
    repositories: await repositoryOptions(flags, cwd),
    recheck: flags.recheck ?? false,
    settings: carryOptions(flags),
    now: () => new Date(),
  };
}

/** @throws AirgapError `usage` for a flag that needs the other one */
function carryOptions({ carryRepositorySettings, allowPublicRepositories }: Flags): MirrorOptions['settings'] {
  if (carryRepositorySettings) return { allowsPublic: allowPublicRepositories ?? false };
  if (!allowPublicRepositories) return undefined;
  throw new AirgapError('usage', '--allow-public-repositories needs --carry-repository-settings', {
    hint: 'without it, no visibility is changed',
  });
}

/** Returns what to copy. Images by name belong to the charts, if there are any. */
async function mirrorSources(
  io: CommandIO,
  flags: Flags,
  settings: Settings,
  { registries, repositories }: FromSettings,
  concurrency: number,
): Promise<MirrorOptions['sources']> {
  const { cwd } = io.context;
  const { lock, plan } = flags;
  const shard = flags.shard === undefined ? undefined : parseShard(flags.shard);
  const isSearched = settings.charts.length + settings.manifests.length > 0;
  const hasCharts = isSearched || lock !== undefined;
  if (hasCharts && (plan !== undefined || shard !== undefined)) {
    const flag = plan === undefined ? '--shard' : '--plan';
    throw new AirgapError('usage', `${flag} is for images and registries, not for charts, manifests and lock files`, {
      hint: 'fix the images of charts with helm airgap images ... --lock, and copy them with --lock',
    });
  }
  const imagesOptions: ImagesOptions & Pick<Settings, 'registry'> = {
    ...settings,
    rules: await readRules(flags.rules.map((path) => resolve(cwd, path))),
    operatorScan: flags.includeInside ? await operatorScanSettings(flags, settings, false) : undefined,
  };
  const located = [...settings.running, ...settings.imageStreams].map(({ reference }) => reference);
  const images = hasCharts ? [] : [...new Set([...settings.add, ...located])];
  const lists = { images, registries, repositories, exclude: settings.exclude, shard, concurrency };
  const hasLists = plan !== undefined || images.length + registries.length + repositories.length > 0;
  return {
    ...(isSearched && lock === undefined && { charts: imagesOptions }),
    ...(lock !== undefined && {
      locked: { ...imagesOptions, ...(await bundleLockFileOptions(io, lock, imagesOptions, flags)) },
    }),
    ...(hasLists && { lists: { ...lists, plan: plan === undefined ? undefined : resolve(cwd, plan) } }),
  };
}

/** Returns the text of a shard, which the next step repeats. @throws InvalidArgumentError unless it is `I/N` */
function checkShard(text: string): string {
  const { index, count } = parseShard(text);
  if (/^\d{1,6}\/\d{1,6}$/.test(text) && index < count) return text;
  throw new InvalidArgumentError('It must be I/N with I from 0 to N-1, such as 0/4.');
}

function parseShard(text: string): Shard {
  const [index, count] = text.split('/').map(Number);
  return { index: index ?? 0, count: count ?? 0 };
}
