import { resolve } from 'node:path';
import type { Command } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import { hasDrift } from '../../inventory/lock-file-drift.ts';
import type { ImagesOptions } from '../../workflows/images/images.ts';
import { lockFileDriftReport, lockFileReport } from '../reports/lock-file.ts';
import type { CommandIO } from '../run.ts';
import type { ResolvedOptions } from './charts.ts';
import { formatDocument } from './output.ts';
import { DOWNLOAD_CONCURRENCY, registryAccess } from './registry.ts';

/** Flags of `images` for the lock file. */
export interface LockFileFlags {
  lock?: string;
  checkLock?: string;
  offline?: true;
}

export function addLockFileFlags(command: Command): Command {
  return command
    .optionsGroup('Lock file:')
    .option('--lock <file>', 'write charts and images with their digests to a lock file for version control')
    .option('--check-lock <file>', 'compare with a lock file; exit with 3 if anything differs')
    .option('--offline', 'do not query registries: leave digests of tags empty, or do not compare them');
}

/** Flags of `images` that cannot be combined with a lock file. */
interface ConflictingFlags {
  network?: true;
  whatIf?: true;
  why?: string;
  explain?: string;
  lookInside?: boolean | undefined;
}

/**
 * Writes or checks the lock file, and prints the result.
 * @throws AirgapError `usage`, `config`, and errors of the workflow
 */
export async function runLockFile(
  io: CommandIO,
  resolved: ResolvedOptions & Pick<ImagesOptions, 'operatorScan'>,
  flags: LockFileFlags & ConflictingFlags,
  output: 'json' | 'yaml' | 'table' | 'txt',
): Promise<void> {
  const { context } = io;
  const { lock, checkLock, offline } = flags;
  const { operatorScan, ...others } = resolved;
  // Images that the scan only lists are not in the lock file.
  const included = operatorScan?.include ? { operatorScan } : undefined;
  refuseConflicts({ ...flags, lookInside: included === undefined && flags.lookInside ? true : undefined });
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
    access: offline ? undefined : await registryAccess(resolved.registry),
    concurrency: resolved.registry.concurrency ?? DOWNLOAD_CONCURRENCY,
  };
  const { checkLockFile, writeLockFile } = await import('../../workflows/images/lock-file.ts');
  if (lock !== undefined) {
    const { status, lockFile } = await writeLockFile(context, options);
    if (output === 'json' || output === 'yaml') io.print(await formatDocument('LockFile', lockFile, output));
    const report = lockFileReport({ path: file, status, lockFile }, offline ?? false);
    if (output === 'json' || output === 'yaml') io.info(report);
    else io.print(report);
    return;
  }
  const { readLockFile } = await import('../config/lock-file.ts');
  const drift = await checkLockFile(context, options, await readLockFile(options.path, '--check-lock'));
  if (output === 'json' || output === 'yaml') io.print(await formatDocument('LockDrift', drift, output));
  else io.print(lockFileDriftReport(file, drift));
  if (hasDrift(drift)) io.setExitCode(3);
}

function refuseConflicts({ network, whatIf, why, explain, lookInside }: ConflictingFlags): void {
  const conflicts = Object.entries({
    ...{ '--network': network, '--what-if': whatIf, '--why': why, '--explain': explain },
    '--look-inside without --include-inside': lookInside,
  });
  const given = conflicts.flatMap(([flag, value]) => (value === undefined ? [] : [flag]));
  if (given.length === 0) return;
  throw new AirgapError('usage', `${given.join(', ')} cannot be used with a lock file`, {
    hint: 'use a separate run without --lock and --check-lock',
  });
}
