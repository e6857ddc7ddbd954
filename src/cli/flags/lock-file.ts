import { resolve } from 'node:path';
import type { Command } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import { hasDrift } from '../../lock/drift.ts';
import { lockDriftReport, lockFileReport } from '../../ui/lock-drift.ts';
import type { ImagesOptions } from '../../workflows/images.ts';
import type { Edge } from '../run.ts';
import type { Gathered } from './charts.ts';
import { asDocument } from './output.ts';
import { DOWNLOADS, registryAccess } from './registry.ts';

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
interface OtherAnswers {
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
export async function useLockFile(
  edge: Edge,
  gathered: Gathered & Pick<ImagesOptions, 'lookInside'>,
  flags: LockFileFlags & OtherAnswers,
  output: 'json' | 'yaml' | 'table' | 'txt',
): Promise<void> {
  const { context } = edge;
  const { lock, checkLock, offline } = flags;
  const { lookInside, ...others } = gathered;
  // Images that the scan only lists are not in the lock file.
  const included = lookInside?.include ? { lookInside } : undefined;
  refuseOthers({ ...flags, lookInside: included === undefined && flags.lookInside ? true : undefined });
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
      hint: 'give one of them',
    });
  }
  const options = {
    ...others,
    ...included,
    path: resolve(context.cwd, file),
    access: offline ? undefined : await registryAccess(gathered.registry),
    concurrency: gathered.registry.concurrency ?? DOWNLOADS,
  };
  const { checkLockFile, writeLockFile } = await import('../../workflows/lock-file.ts');
  if (lock !== undefined) {
    const { status, lockFile } = await writeLockFile(context, options);
    if (output === 'json' || output === 'yaml') edge.print(await asDocument('LockFile', lockFile, output));
    const report = lockFileReport({ path: file, status, lockFile }, offline ?? false);
    if (output === 'json' || output === 'yaml') edge.tell(report);
    else edge.print(report);
    return;
  }
  const { readLockFile } = await import('../config/lock-file.ts');
  const drift = await checkLockFile(context, options, await readLockFile(options.path, '--check-lock'));
  if (output === 'json' || output === 'yaml') edge.print(await asDocument('LockDrift', drift, output));
  else edge.print(lockDriftReport(file, drift));
  if (hasDrift(drift)) edge.answer(3);
}

function refuseOthers({ network, whatIf, why, explain, lookInside }: OtherAnswers): void {
  const others = Object.entries({
    ...{ '--network': network, '--what-if': whatIf, '--why': why, '--explain': explain },
    '--look-inside without --include-inside': lookInside,
  });
  const given = others.flatMap(([flag, value]) => (value === undefined ? [] : [flag]));
  if (given.length === 0) return;
  throw new AirgapError('usage', `${given.join(', ')} cannot be used with a lock file`, {
    hint: 'use a separate run without --lock and --check-lock',
  });
}
