import { Command, Option } from '@commander-js/extra-typings';
import { AirgapError } from '../../base/errors.ts';
import { isPlainHttp } from '../../base/host-spellings.ts';
import { chartArchiveRepository, formatTarget, type Target } from '../../naming/naming.ts';
import { formatRepository, type Reference } from '../../oci/reference.ts';
import type { OnTargetDone, PushOptions } from '../../workflows/push/push.ts';
import { parseAssumedName } from '../flags/assumed-name.ts';
import { addConfigFlags } from '../flags/charts.ts';
import { CONNECTION_ONLY, readConfiguration } from '../flags/configuration.ts';
import { addEcrFlags, declaredHosts, repositoryOptions, warnUnusedEcrFlags } from '../flags/ecr.ts';
import type { ReadLogin } from '../flags/login.ts';
import { type FlagsOf, repeatable } from '../flags/option.ts';
import { outputOption, printReport } from '../flags/output.ts';
import { addRegistryFlags, registryAccess, UPLOAD_CONCURRENCY } from '../flags/registry.ts';
import { requiredSigners, requireSignatureOption } from '../flags/signatures.ts';
import { addNamingFlags, archiveTargetOf, checkHasTarget, targetOf, targetsOf } from '../flags/target.ts';
import { examples } from '../help.ts';
import { planReport, pushDocument, pushReport } from '../reports/push.ts';
import type { CommandIO } from '../run.ts';
import { afterArchivePush } from './chart-archive-steps.ts';
import { withLog } from './log-file.ts';
import { afterPush, afterPushPlan } from './next-steps.ts';
import { Receipts } from './receipts.ts';
import { printPlans, printTargetResults } from './target-results.ts';

/** Declares the command and its flags. */
function declare(io: CommandIO) {
  const command = new Command('push')
    .argument('[file...]', 'bundles, or OCI archives of other tools')
    .addOption(repeatable('--to <registry[/prefix]>', 'target registry and repository prefix'));
  const pushing = addConfigFlags(
    command,
    'read to, logins, naming, plainHttp, caFile and clientCertificates from this airgap.yaml',
  )
    .addOption(
      new Option('--on-existing-tag <action>', 'what to do with a tag that exists with other content')
        .choices(['skip', 'error', 'overwrite'])
        .default('error'),
    )
    .option('--dry-run', 'show what is present and what would be pushed, and push nothing')
    .option('--receipt <file>', 'write a receipt of the pushed content, for verify --receipt')
    .option('--retire <file>', 'list tags that this older bundle needed and the new ones do not; delete nothing')
    .option('--log-file <file>', 'append each event to a log, one JSON object per line')
    .addOption(outputOption(['text', 'json', 'terraform', 'cloudformation'], 'text'))
    .optionsGroup('Selection:')
    .addOption(repeatable('--chart <name[@version]>', 'push only this chart and its images'))
    .addOption(repeatable('--image <pattern>', 'push only matching images'))
    .addOption(repeatable('--exclude <pattern>', 'leave out matching images'))
    .addOption(
      repeatable('--chart-archive <file>', 'also push this chart archive, to --chart-prefix (needs no bundle)'),
    )
    .option('--as <name>', 'repository to assume for images that the archive identifies only by tag', parseAssumedName)
    .optionsGroup('Signatures and attestations:')
    .addOption(requireSignatureOption())
    .option('--require-referrers', 'fail instead of warning if a registry rejects a signature or attestation')
    .addHelpText(
      'after',
      examples(
        'push app.tar --to registry.example --dry-run',
        'push app.tar --to registry.example/mirror --receipt receipt.json',
        'push --chart-archive app.tgz --to r.example --chart-prefix own',
      ),
    );
  return addEcrFlags(addRegistryFlags(addNamingFlags(pushing), io));
}

type Flags = FlagsOf<typeof declare> & ReadLogin;

export function pushCommand(io: CommandIO) {
  return declare(io).action(async (files, flags, command) => {
    checkContent(files, flags);
    const { hasCharts, ...options } = await pushOptions(io, files, flags);
    const targets = options.targets.map(formatTarget);
    const receipts = flags.receipt === undefined ? undefined : new Receipts(flags.receipt, targets, io.context.cwd);
    await receipts?.check();
    const registries = options.targets.map(({ registry }) => registry);
    await warnUnusedEcrFlags(registries, options.access.ecrHosts, options.repositories, io.context.emit);
    if (flags.output === 'terraform' || flags.output === 'cloudformation')
      return printMissingRepositories(io, options, flags, afterPushPlan(command, 'create these repositories'));
    await withLog(io.context, flags.logFile, async (context) => {
      if (flags.dryRun) {
        const { planPush } = await import('../../workflows/push/plan-push.ts');
        const plans = await planPush(context, options);
        const format = { kind: 'PushPlan', report: planReport };
        await printPlans(io, format, plans, flags.output, afterPushPlan(command));
        return;
      }
      const { push } = await import('../../workflows/push/push.ts');
      const results = await printTargetResults(
        io,
        {
          kind: 'Push',
          targets,
          isJson: flags.output === 'json',
          receipts,
          report: pushReport,
          document: pushDocument,
        },
        (onTargetDone: OnTargetDone) => push(context, options, onTargetDone),
      );
      if (flags.output !== 'json') {
        const { chartArchiveName, chartName } = await import('../../bundle/format/names.ts');
        const names = new Set(
          results.flatMap(({ charts }) => charts.flatMap(({ reference }) => chartName(reference) ?? [])),
        );
        const [target] = options.targets;
        const pushed = target && { to: formatTarget(target), target, charts: [...names], isConfigured: hasCharts };
        const archive = results[0]?.charts.find(({ reference }) => chartArchiveName(reference) !== undefined);
        const next =
          archive && target
            ? afterArchivePush(command, installedArchive(archive.reference, target), {
                plainHttp: isPlainHttp(target.registry, flags.plainHttp),
                namespace: io.context.env.HELM_NAMESPACE,
              })
            : pushed
              ? afterPush(command, pushed)
              : [];
        await printReport(io, { result: [], notes: [] }, next);
      }
    });
  });
}

/**
 * Maps the flags to the options of the workflow, and says whether the configuration file names charts.
 * @throws AirgapError `usage`, `config`, `file`
 */
async function pushOptions(
  { context }: CommandIO,
  files: string[],
  flags: Flags,
): Promise<PushOptions & { readonly hasCharts: boolean }> {
  const { cwd, env } = context;
  const { config, registry } = await readConfiguration(context, flags, CONNECTION_ONLY);
  const { chartArchive } = flags;
  const toTarget = chartArchive.length > 0 ? archiveTargetOf : targetOf;
  const targets = await targetsOf(flags, config, toTarget);
  checkHasTarget(targets);
  const named = targets.map((target) => target.registry);
  // Mirrors of the configuration file are for pulling.
  const { access, concurrency } = await registryAccess({ ...registry, mirrors: [], named }, UPLOAD_CONCURRENCY);
  return {
    hasCharts: config.charts.length > 0,
    files,
    chartArchives: chartArchive,
    targets,
    access: { ...access, ecrHosts: await declaredHosts(named, flags, env) },
    concurrency,
    existing: flags.onExistingTag,
    requireReferrers: flags.requireReferrers ?? false,
    selection: { charts: flags.chart, images: flags.image, exclude: flags.exclude },
    as: flags.as,
    ...(await requiredSigners(flags)),
    repositories: await repositoryOptions(flags, cwd),
    retire: flags.retire,
    now: () => new Date(),
  };
}

/** Checks that there is something to push, and that the flags fit. @throws AirgapError `usage` */
function checkContent(files: readonly string[], flags: Flags): void {
  const { chartArchive, requireSignature } = flags;
  if (files.length + chartArchive.length === 0) {
    throw new AirgapError('usage', 'nothing to push is named', { hint: 'give a bundle, or --chart-archive FILE' });
  }
  if (chartArchive.length > 0 && requireSignature.length > 0) {
    throw new AirgapError('usage', '--require-signature cannot be used with --chart-archive, which has no signature', {
      hint: 'push the bundle and the chart archives in two runs',
    });
  }
  if (files.length > 0) return;
  const { chart, image, exclude, as, retire } = flags;
  const selected = {
    '--chart': chart[0],
    '--image': image[0],
    '--exclude': exclude[0],
    '--as': as,
    '--retire': retire,
  };
  const flag = Object.entries(selected).find(([, value]) => value !== undefined)?.[0];
  if (flag === undefined) return;
  throw new AirgapError('usage', `${flag} is about a bundle, and none is given`, { hint: `leave ${flag} out` });
}

/** Returns name, version and address of a pushed chart archive. */
function installedArchive({ path, tag = '' }: Reference, target: Target): Parameters<typeof afterArchivePush>[1] {
  const address = `oci://${formatRepository(chartArchiveRepository(target, path))}`;
  // Helm writes `_` for the `+` of a version, which versions cannot have.
  return { chart: path, version: tag.replaceAll('_', '+'), address };
}

/** Prints definitions of missing repositories, and pushes nothing. @throws AirgapError `usage` */
async function printMissingRepositories(
  io: CommandIO,
  options: PushOptions,
  { output, createRepositories }: Pick<Flags, 'output' | 'createRepositories'>,
  next: readonly string[],
): Promise<void> {
  if (createRepositories !== 'never') {
    throw new AirgapError('usage', `-o ${output} prints definitions of repositories instead of creating them`, {
      hint: 'add --create-repositories=never',
    });
  }
  const { missingRepositories } = await import('../../workflows/push/plan-push.ts');
  const { kind, paths } = await missingRepositories(io.context, options);
  if (paths.length === 0) {
    io.info('no repository is missing');
    return;
  }
  const { repositoryDefinitions } = await import('../../ecr/definitions.ts');
  io.print(
    repositoryDefinitions(
      output === 'terraform' ? output : 'cloudformation',
      kind,
      paths,
      options.repositories.settings,
    ),
  );
  await printReport(io, { result: [], notes: [] }, next);
}
