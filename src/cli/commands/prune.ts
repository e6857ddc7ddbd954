import { resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { AirgapError, combine } from '../../base/errors.ts';
import { checkWritable, writeOutput } from '../../base/output-file.ts';
import { jsonText } from '../../base/printable.ts';
import type { RegistryUse } from '../../session/connect.ts';
import { addConfigFlags } from '../flags/charts.ts';
import { CONNECTION_ONLY, type Configuration, readConfiguration } from '../flags/configuration.ts';
import { declaredHosts } from '../flags/ecr.ts';
import type { ReadLogin } from '../flags/login.ts';
import { type FlagsOf, givenFlags, repeatable } from '../flags/option.ts';
import { formatDocument, outputOption, printReport } from '../flags/output.ts';
import { addRegistryFlags, registryAccess, UPLOAD_CONCURRENCY } from '../flags/registry.ts';
import { addNamingFlags, targetOf } from '../flags/target.ts';
import { examples } from '../help.ts';
import { deletionDocument, deletionReport, prunePlanDocument, prunePlanReport } from '../reports/prune.ts';
import { displayPath } from '../reports/text.ts';
import type { CommandIO } from '../run.ts';
import { afterDeletionPlan, afterPrunePlan } from './after-prune.ts';
import { checkText, filledBy, keepFilesOf, refuseExisting } from './prune-files.ts';

/** Declares the command and its flags. */
function declare(io: CommandIO) {
  const command = new Command('prune')
    .argument('[target]', 'REGISTRY[/PREFIX], as for push --to: lists what is not needed, and deletes nothing')
    .addOption(repeatable('--keep <file>', 'keep what this bundle, inventory or lock file has'))
    .option('--pods <file>', 'keep what Pods run: output of kubectl get pods -A -o json; "-" for standard input')
    .option('--out <file>', 'write the list, to review and edit')
    .option('--include-foreign', 'include repositories that helm airgap did not fill')
    .addOption(repeatable('--filled-by <file>', 'bundle, lock file or receipt whose repositories helm airgap filled'))
    .option('--repositories <file>', 'names of repositories, one per line, if the registry does not list them');
  const deleting = addConfigFlags(
    command
      .optionsGroup('Deletion:')
      .option('--delete <file>', 'delete what this list names, after asking for each entry again')
      .option('--dry-run', 'with --delete: ask for each entry, and delete nothing')
      .option('--receipt <file>', 'with --delete: write what is gone, what was left, and why')
      .optionsGroup('Options:'),
    'read logins, naming, plainHttp, caFile and clientCertificates from this airgap.yaml',
  )
    .addOption(outputOption(['text', 'json'], 'text'))
    .addHelpText(
      'after',
      examples(
        'prune registry.example/mirror --keep app.tar --out prune.yaml',
        'prune --delete prune.yaml --keep app.tar --receipt gone.json',
      ),
    );
  return addRegistryFlags(addNamingFlags(deleting), io);
}

type Flags = FlagsOf<typeof declare> & ReadLogin;

export function pruneCommand(io: CommandIO) {
  return declare(io).action(async (to, flags, command) => {
    checkFlags(to, flags);
    if (flags.delete !== undefined) return deleteListed(io, flags.delete, flags, afterDeletionPlan(command));
    await findUnneeded(io, to as string, flags, (list) => afterPrunePlan(command, list));
  });
}

/** @throws AirgapError `usage` for flags that do not belong together */
function checkFlags(to: string | undefined, flags: Flags): void {
  const { delete: list, keep, out, includeForeign, filledBy: filled, repositories, dryRun, receipt } = flags;
  if (list !== undefined) {
    const planning = {
      'a target': to,
      '--out': out,
      '--include-foreign': includeForeign,
      '--repositories': repositories,
    };
    const others = givenFlags({ ...planning, '--filled-by': filled.length > 0 });
    if (others.length === 0) return;
    throw new AirgapError('usage', `--delete cannot be used with ${others.join(', ')}`, {
      hint: 'first write and review a list, then delete what it names: the list says which registry',
    });
  }
  if (to === undefined) {
    throw new AirgapError('usage', 'neither a target nor --delete was given', {
      hint: 'write helm airgap prune REGISTRY[/PREFIX] --keep FILE --out LIST, and after a review prune --delete LIST',
    });
  }
  const others = givenFlags({ '--dry-run': dryRun, '--receipt': receipt });
  if (others.length > 0) {
    throw new AirgapError('usage', `${others.join(', ')} needs --delete`, {
      hint: 'without --delete, prune deletes nothing',
    });
  }
  if (keep.length === 0) {
    throw new AirgapError('usage', 'nothing would be kept', {
      hint: 'name everything that is still needed: --keep BUNDLE or --keep airgap.lock (repeatable)',
    });
  }
}

/** Access to the registry of a target. */
async function accessTo(
  { context }: CommandIO,
  registry: string,
  flags: Flags,
  settings: Configuration['registry'],
): Promise<RegistryUse> {
  const { access, concurrency } = await registryAccess(
    { ...settings, mirrors: [], named: [registry] },
    UPLOAD_CONCURRENCY,
  );
  return { access: { ...access, ecrHosts: await declaredHosts([registry], flags, context.env) }, concurrency };
}

/** Lists what nothing needs. */
async function findUnneeded(
  io: CommandIO,
  to: string,
  flags: Flags,
  next: (list: string | undefined) => readonly string[],
): Promise<void> {
  const { cwd } = io.context;
  const { config, registry } = await readConfiguration(io.context, flags, CONNECTION_ONLY);
  const target = await targetOf(to, flags, config).catch((error: unknown) => {
    // The target of other commands is a flag.
    throw error instanceof AirgapError ? error.with({ reason: error.reason.replace(/^--to:? /, '') }) : error;
  });
  const path = flags.out === undefined ? undefined : resolve(cwd, flags.out);
  if (path !== undefined) await refuseExisting(path, '--out');
  const use = await accessTo(io, target.registry, flags, registry);
  const { planPrune } = await import('../../workflows/prune/plan.ts');
  const plan = await planPrune(
    { ...io.context, readInput: io.readInput },
    {
      ...use,
      target,
      keep: await keepFilesOf(flags.keep, '--keep', cwd),
      ...(flags.pods !== undefined && { pods: flags.pods }),
      filled: await filledBy(flags.filledBy, cwd),
      ...(flags.repositories !== undefined && { repositories: resolve(cwd, flags.repositories) }),
      includeForeign: flags.includeForeign ?? false,
      now: () => new Date(),
    },
  );
  if (path !== undefined) {
    const { formatPruneList } = await import('../../inventory/prune-list.ts');
    const { target: name, chartPrefix, created, entries } = plan;
    await writeOutput(path, formatPruneList({ target: name, chartPrefix, created, entries: [...entries] }));
  }
  if (flags.output === 'json') io.print(await formatDocument('PrunePlan', prunePlanDocument(plan), 'json'));
  else {
    const shown = path === undefined ? undefined : displayPath(path, cwd);
    await printReport(io, prunePlanReport(plan, shown), plan.entries.length === 0 ? [] : next(shown));
  }
}

/** Deletes what a list names. Exit code 3 if something was left. @throws AirgapError for what could not be deleted */
async function deleteListed(io: CommandIO, file: string, flags: Flags, next: readonly string[]): Promise<void> {
  const { cwd } = io.context;
  const { config, registry } = await readConfiguration(io.context, flags, CONNECTION_ONLY);
  await checkText(resolve(cwd, file), '--delete', file);
  const { readPruneList } = await import('../config/read.ts');
  const list = await readPruneList(resolve(cwd, file));
  const chartPrefix = flags.chartPrefix ?? list.chartPrefix;
  const target = await targetOf(list.target, { ...flags, ...(chartPrefix !== undefined && { chartPrefix }) }, config);
  const receipt = flags.receipt === undefined || flags.dryRun ? undefined : resolve(cwd, flags.receipt);
  if (receipt !== undefined) {
    await refuseExisting(receipt, '--receipt');
    await checkWritable(receipt, '--receipt');
  }
  const use = await accessTo(io, target.registry, flags, registry);
  const { deletePruned } = await import('../../workflows/prune/delete.ts');
  const result = await deletePruned(
    { ...io.context, readInput: io.readInput },
    {
      ...use,
      list,
      listName: displayPath(resolve(cwd, file), cwd),
      target,
      keep: await keepFilesOf(flags.keep, '--keep', cwd),
      ...(flags.pods !== undefined && { pods: flags.pods }),
      isDryRun: flags.dryRun ?? false,
      now: () => new Date(),
    },
  );
  // Before the receipt, whose writing may fail.
  if (flags.output === 'json') io.print(await formatDocument('PruneDeletion', deletionDocument(result), 'json'));
  else await printReport(io, deletionReport(result), result.isDryRun && result.errors.length === 0 ? next : []);
  if (receipt !== undefined) {
    await writeOutput(receipt, `${jsonText(result.receipt, 2)}\n`);
    if (flags.output !== 'json') io.info(`receipt: ${displayPath(receipt, cwd)}`);
  }
  const { outcomes, errors } = result;
  if (errors.length > 0) {
    const interrupted = errors.find(({ code }) => code === 'interrupted');
    const remaining = outcomes.filter(({ status }) => status === 'failed' || status === 'left').length;
    throw interrupted ?? combine(errors, `${remaining} of ${outcomes.length} entries were not deleted`);
  }
  if (outcomes.some(({ status }) => status === 'left')) io.setExitCode(3);
}
