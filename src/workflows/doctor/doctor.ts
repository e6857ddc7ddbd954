import { runStep } from '../../base/step.ts';
import type { DoctorFinding, DoctorResult } from '../../inventory/doctor-result.ts';
import type { RegistryAccess } from '../../session/connect.ts';
import type { Context } from '../../session/context.ts';
import type { Build } from '../version/version.ts';
import { checkClock } from './clock.ts';
import { limited } from './finding.ts';
import { checkProxies } from './proxies.ts';
import { checkTarget } from './target.ts';
import { checkThisHost } from './this-host.ts';
import { checkTrust } from './trust.ts';

export interface DoctorOptions {
  /** This program. */
  readonly build: Build;
  /** Registry and repository prefix; the prefix may be empty. Without it, only this host is checked. */
  readonly target?: { readonly registry: string; readonly prefix: string };
  readonly access: RegistryAccess;
  /** Opens an upload in the target and cancels it. */
  readonly tryUpload: boolean;
}

/**
 * Checks what a push to a target and a pull from it need, without changing anything there. Each check ends after 10 s, and each
 * of the four steps runs its checks at the same time.
 * @throws AirgapError `interrupted`
 */
export async function doctor(context: Context, options: DoctorOptions): Promise<DoctorResult> {
  const { build, target, access } = options;
  const { env, emit, signal } = context;
  const title = target === undefined ? 'checking this host' : `checking this host and ${target.registry}`;
  const checks = await runStep(emit, title, async () => {
    const local = limited('helm', signal, () => checkThisHost(context, build));
    const trust = checkTrust(env, access.caFile);
    if (target === undefined) {
      const { findings } = await checkProxies(env, []);
      return [...(await local), ...trust, ...findings, checkClock([])];
    }
    return [...(await local), ...trust, ...(await checkTarget(context, { ...options, target }, trust))];
  });
  const counted = (status: DoctorFinding['status']): number => checks.filter((one) => one.status === status).length;
  return {
    ...(target && { target: target.prefix === '' ? target.registry : `${target.registry}/${target.prefix}` }),
    counts: { good: counted('good'), bad: counted('bad'), notKnown: counted('not-known') },
    checks,
  };
}
