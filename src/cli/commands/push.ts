import { Command, Option } from '@commander-js/extra-typings';
import { AirgapError } from '../../base/errors.ts';
import { formatTarget } from '../../naming/naming.ts';
import { parseReference, type Reference } from '../../oci/reference.ts';
import type { OnTargetDone, PushOptions } from '../../workflows/push/push.ts';
import { addConfigFlags } from '../flags/charts.ts';
import { addEcrFlags, declaredHosts, repositoryOptions, warnUnusedEcrFlags } from '../flags/ecr.ts';
import type { ReadLogin } from '../flags/login.ts';
import { collect, type FlagsOf, repeatable } from '../flags/option.ts';
import { outputOption, printReport } from '../flags/output.ts';
import { addRegistryFlags, registryAccess, UPLOAD_CONCURRENCY } from '../flags/registry.ts';
import { readConfiguration } from '../flags/settings.ts';
import { requiredSigner, requireSignatureOption } from '../flags/signatures.ts';
import { addNamingFlags, targetOf } from '../flags/target.ts';
import { examples } from '../help.ts';
import { pushDocument, pushReport } from '../reports/push.ts';
import type { CommandIO } from '../run.ts';
import { withLog } from './log-file.ts';
import { afterPush, afterPushPlan } from './next-steps.ts';
import { Receipts } from './receipts.ts';
import { printPlans, printTargetResults } from './target-results.ts';

/** Declares the command and its flags. */
function declare(io: CommandIO) {
  const command = new Command('push')
    .description('push bundles to private registries')
    .argument('<file...>', 'bundles, or OCI archives of other tools')
    .addOption(
      new Option('--to <registry[/prefix]>', 'target registry and repository prefix (repeatable)')
        .argParser(collect)
        .makeOptionMandatory(),
    );
  const pushing = addConfigFlags(command, 'read naming, plainHttp, caFile and clientCertificates from this airgap.yaml')
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
    .option('--as <name>', 'repository to assume for images that the archive identifies only by tag', parseAssumedName)
    .optionsGroup('Signatures and attestations:')
    .addOption(requireSignatureOption())
    .option('--require-referrers', 'fail instead of warning if a registry rejects a signature or attestation')
    .addHelpText(
      'after',
      examples(
        'push app.tar --to registry.example --dry-run',
        'push app.tar --to registry.example/mirror --receipt receipt.json',
      ),
    );
  return addEcrFlags(addRegistryFlags(addNamingFlags(pushing), io));
}

type Flags = FlagsOf<typeof declare> & ReadLogin;

export function pushCommand(io: CommandIO) {
  return declare(io).action(async (files, flags, command) => {
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
        await printPlans(io, 'PushPlan', await planPush(context, options), flags.output, afterPushPlan(command));
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
        const { chartName } = await import('../../bundle/format/names.ts');
        const names = new Set(
          results.flatMap(({ charts }) => charts.flatMap(({ reference }) => chartName(reference) ?? [])),
        );
        const [target] = options.targets;
        const pushed = target && { to: formatTarget(target), target, charts: [...names], isConfigured: hasCharts };
        await printReport(io, { result: [], notes: [] }, pushed ? afterPush(command, pushed) : []);
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
  const { config, registry } = await readConfiguration(context, flags);
  const all = await Promise.all(flags.to.map((to) => targetOf(to, flags, config)));
  const targets = [...new Map(all.map((target) => [formatTarget(target), target])).values()];
  const named = targets.map((target) => target.registry);
  // Mirrors of the configuration file are for pulling.
  const { access, concurrency } = await registryAccess({ ...registry, mirrors: [], named }, UPLOAD_CONCURRENCY);
  return {
    hasCharts: config.charts.length > 0,
    files,
    targets,
    access: { ...access, ecrHosts: await declaredHosts(named, flags, env) },
    concurrency,
    existing: flags.onExistingTag,
    requireReferrers: flags.requireReferrers ?? false,
    selection: { charts: flags.chart, images: flags.image, exclude: flags.exclude },
    as: flags.as,
    ...(await requiredSigner(flags)),
    repositories: await repositoryOptions(flags, cwd),
    retire: flags.retire,
    now: () => new Date(),
  };
}

/** Parses `--as`. @throws AirgapError `reference-invalid`; `usage` for a reference with a digest */
function parseAssumedName(text: string): Reference {
  const reference = parseReference(text);
  if (reference.digest === undefined) return reference;
  throw new AirgapError('usage', `--as ${text}: a digest is not allowed, the archive determines it`, {
    hint: 'example: --as quay.io/team/app:1.0',
  });
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
