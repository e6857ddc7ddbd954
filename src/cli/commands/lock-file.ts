import { dirname, resolve } from 'node:path';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { AirgapError } from '../../base/errors.ts';
import type { ChartAccess } from '../../helm/access.ts';
import type { LockFile, LockFileChart } from '../../inventory/lock-file.ts';
import { hasDrift, isOutOfDate } from '../../inventory/lock-file-drift.ts';
import { unallowed } from '../../inventory/missing-images.ts';
import type { BundleLockFileOptions } from '../../workflows/bundle/bundle-lock-file.ts';
import type { ImagesOptions } from '../../workflows/images/images.ts';
import { chartAccessOf } from '../flags/chart-jobs.ts';
import type { ChartsFlags } from '../flags/charts.ts';
import { type FailOnFlag, failsOn } from '../flags/fail-on.ts';
import { type FlagsOf, flagGroup, givenFlags } from '../flags/option.ts';
import { formatDocument, printReport } from '../flags/output.ts';
import { registryAccess } from '../flags/registry.ts';
import type { Settings } from '../flags/settings.ts';
import { lockFileDriftReport, lockFileReport } from '../reports/lock-file.ts';
import type { CommandIO } from '../run.ts';
import { afterDrift, afterLockFile } from './next-steps.ts';

/** Adds the flags of `images` for the lock file. */
export const addLockFileFlags = flagGroup((command) =>
  command
    .optionsGroup('Lock file:')
    .option('--lock <file>', 'write charts and images with their digests to a lock file for version control')
    .option('--check-lock <file>', 'compare with a lock file; exit with 3 if anything differs')
    .option('--offline', 'do not query registries: leave digests of tags empty, or do not compare them'),
);

export type LockFileFlags = FlagsOf<typeof addLockFileFlags>;

/** Flags of `images` that a lock file obeys, and those that cannot be combined with it. */
interface OtherFlags extends FailOnFlag {
  readonly network?: true;
  readonly whatIf?: true;
  readonly why?: string;
  readonly explain?: string;
  readonly lookInside?: boolean;
}

/**
 * Writes or checks the lock file, and prints the result.
 * @throws AirgapError `usage`, `config`, and errors of the workflow
 */
export async function runLockFile(
  io: CommandIO,
  settings: Settings & ImagesOptions,
  flags: LockFileFlags & OtherFlags,
  output: 'json' | 'yaml' | 'table' | 'txt',
  command: CommandUnknownOpts,
): Promise<void> {
  const { context } = io;
  const { lock, checkLock, offline } = flags;
  const { operatorScan, ...others } = settings;
  // Images that the scan only lists are not in the lock file.
  const included = operatorScan?.include ? { operatorScan } : undefined;
  refuseOtherResults({ ...flags, lookInside: included === undefined && flags.lookInside ? true : undefined });
  if (included !== undefined && offline) {
    throw new AirgapError(
      'usage',
      '--offline cannot be used with --include-inside, which reads operator images from registries',
      {
        hint: 'leave one of them out; includeInside in the configuration file counts as the flag',
      },
    );
  }
  const file = lock ?? checkLock ?? '';
  if (lock !== undefined && checkLock !== undefined) {
    throw new AirgapError('usage', '--lock cannot be used with --check-lock', {
      hint: 'leave one of them out',
    });
  }
  const options = {
    ...others,
    ...included,
    path: resolve(context.cwd, file),
    registries: offline ? undefined : await registryAccess(settings.registry),
  };
  const { checkLockFile, writeLockFile } = await import('../../workflows/images/lock-file.ts');
  if (lock !== undefined) {
    const { path: _, ...written } = await writeLockFile(context, options);
    const report = lockFileReport({ path: file, ...written }, offline ?? false);
    const { images, notKnown } = written.lockFile;
    const isIncomplete = unallowed(images).some(({ state }) => state === 'missing');
    if (isIncomplete || failsOn(flags, notKnown, images.length)) io.setExitCode(3);
    if (output !== 'json' && output !== 'yaml')
      return printReport(io, { result: [report], notes: [] }, isIncomplete ? [] : afterLockFile(command, file));
    io.print(await formatDocument('LockFile', written.lockFile, output));
    return io.info(report);
  }
  const { readLockFile } = await import('../config/read.ts');
  const locked = await readLockFile(options.path, '--check-lock');
  const drift = await checkLockFile(context, options, locked);
  if (output === 'json' || output === 'yaml') io.print(await formatDocument('LockDrift', drift, output));
  else {
    const next = isOutOfDate(drift) ? afterDrift(command, file) : hasDrift(drift) ? [] : afterLockFile(command, file);
    await printReport(io, { result: [lockFileDriftReport(file, drift)], notes: [] }, next);
  }
  if (hasDrift(drift) || failsOn(flags, drift.notKnown, locked.images.length)) io.setExitCode(3);
}

function refuseOtherResults({ network, whatIf, why, explain, lookInside }: OtherFlags): void {
  const given = givenFlags({
    ...{ '--network': network, '--what-if': whatIf, '--why': why, '--explain': explain },
    '--look-inside without --include-inside': lookInside,
  });
  if (given.length === 0) return;
  throw new AirgapError('usage', `${given.join(', ')} cannot be used with a lock file`, {
    hint: 'use a separate run without --lock and --check-lock',
  });
}

/**
 * Reads the charts and images to bundle from a lock file, and returns the access to its charts.
 * @throws AirgapError `usage` if flags select charts or images too, `config` for an invalid file
 */
export async function bundleLockFileOptions(
  { context }: CommandIO,
  file: string,
  options: ImagesOptions & Pick<Settings, 'registry'>,
  flags: ChartsFlags,
): Promise<Pick<BundleLockFileOptions, 'lockFile' | 'folder' | 'chartAccess'>> {
  refuseSelections(options);
  const path = resolve(context.cwd, file);
  const { readLockFile } = await import('../config/read.ts');
  const locked = await readLockFile(path, '--lock');
  const { username, password, certFile, keyFile } = flags;
  const hasLogin = [username, password, certFile, keyFile].some((flag) => flag !== undefined);
  if (hasLogin) requireSingleHost(locked);
  // Credentials are for the charts that the user named, not for nested charts from other hosts.
  const chartAccess = ({ chart = '', parent }: LockFileChart): ChartAccess =>
    chartAccessOf(parent === undefined ? flags : {}, chart, options.registry);
  return { lockFile: locked, folder: dirname(path), chartAccess };
}

function refuseSelections({
  charts,
  exclude = [],
  include = [],
  tests,
  hooks,
  rules = [],
  nestedCharts,
  operatorScan,
  manifests = [],
  running = [],
  imageStreams = [],
}: ImagesOptions): void {
  const conflicts = Object.entries({
    charts: charts.length > 0,
    kustomizations: manifests.some(({ kind }) => kind === 'kustomize'),
    manifests: manifests.some(({ kind }) => kind === 'manifests'),
    '--pods': running.length > 0,
    '--image-streams': imageStreams.length > 0,
    '--exclude': exclude.length > 0,
    '--include': include.length > 0,
    '--no-tests': tests === false,
    '--no-hooks': hooks === false,
    '--rules': rules.length > 0,
    '--no-nested-charts': nestedCharts === false,
    '--include-inside': operatorScan?.include === true,
  }).flatMap(([what, given]) => (given ? [what] : []));
  if (conflicts.length === 0) return;
  throw new AirgapError('usage', `--lock cannot be used with ${conflicts.join(', ')}`, {
    hint: 'the lock file selects charts and images: pass these to helm airgap images ... --lock, which writes it; --image adds images',
  });
}

function requireSingleHost({ charts }: LockFile): void {
  const hosts = new Set(charts.filter(({ parent }) => parent === undefined).flatMap(hostOf));
  if (hosts.size < 2) return;
  throw new AirgapError(
    'usage',
    `credentials from --username or --cert-file would be sent to ${[...hosts].join(' and to ')}`,
    {
      hint: 'log in with helm airgap login or helm repo add, or read the charts from a folder with --chart-mirror',
    },
  );
}

/** Returns the host that serves a chart; none for a file or folder. */
function hostOf({ chart = '', repo }: LockFileChart): string[] {
  const address = repo ?? chart;
  const host = /^[a-z][a-z0-9+.-]*:\/\/([^/]+)/i.exec(address)?.[1];
  return host === undefined ? [] : [host];
}
