import type { Command } from 'commander';
import { messageOf } from '../../base/errors.ts';
import type { ClientCertificate } from '../../http/client-certificate.ts';
import type { TargetCheckOptions } from '../../workflows/push/check-target.ts';
import type { CommandIO } from '../run.ts';
import type { LoginFlags } from './login.ts';
import { registryAccess } from './registry.ts';

/** Flags of the check whether the target has the bundle's images. */
export interface CheckTargetFlags {
  bundle?: string;
  /** Commander's name for `--no-check-target`. */
  checkTarget: boolean;
}

export function addCheckTargetFlag(command: Command): Command {
  return command.option('--no-check-target', 'with --bundle: do not check that the target registry has the images');
}

/** Target to check, and access to it. */
interface CheckedTarget extends Pick<TargetCheckOptions, 'target' | 'chart' | 'signer'>, LoginFlags {
  readonly plainHttp: readonly string[];
  readonly caFile?: string;
  readonly clientCertificates?: readonly ClientCertificate[];
}

/** Milliseconds. Short, because `values` must also work without access to a registry. */
const TIMEOUT = 2000;

/**
 * Runs `work`, and concurrently checks that the target has a few of the bundle's images, to detect a mistyped `--to`. Emits
 * the result after the work; it does not affect the exit code.
 */
export async function withCheckedTarget<T>(
  io: CommandIO,
  { bundle, checkTarget }: CheckTargetFlags,
  { target, chart, signer, ...connection }: CheckedTarget,
  work: () => Promise<T>,
): Promise<T> {
  if (bundle === undefined || !checkTarget) return work();
  const { context } = io;
  const stop = new AbortController();
  const signal = context.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, context.signal]);
  const check = async (): Promise<void> => {
    const { checkPushedImages, targetCheckMessage } = await import('../../workflows/push/check-target.ts');
    const options = { bundle, target, chart, signer, timeout: TIMEOUT };
    // A failed check must not fail the work.
    const result = await registryAccess({
      ...connection,
      plainHttp: [...connection.plainHttp],
      named: [target.registry],
    })
      .then((access) => checkPushedImages({ ...context, signal }, { ...options, access }))
      .catch((error: unknown) => ({ status: 'unknown', reason: messageOf(error) }) as const);
    const event = targetCheckMessage(result, target);
    if (event !== undefined) notices.push(() => context.emit(event));
  };
  const notices: (() => void)[] = [];
  const checking = check();
  try {
    const result = await work();
    await checking;
    for (const notify of notices) notify();
    return result;
  } finally {
    stop.abort();
  }
}
