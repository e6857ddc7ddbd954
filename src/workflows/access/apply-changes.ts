import { count } from '../../base/count.ts';
import { AirgapError, asAirgapError } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import { pool } from '../../base/pool.ts';
import { runStep } from '../../base/step.ts';
import { refusalOf } from '../../mirantis/refusals.ts';
import { type AccessChange, type AccessWriter, CHANGE_KINDS, changeKey } from './changes.ts';

/** `planned`: in a dry run. `refused`: by the API, see `error`. `skipped`: what it needs was refused, or the run ended. */
type ChangeStatus = 'planned' | 'done' | 'refused' | 'skipped';

export interface ChangeOutcome {
  readonly change: AccessChange;
  readonly status: ChangeStatus;
  readonly error?: AirgapError;
  /** Why it was skipped. */
  readonly reason?: string;
}

/** Error codes of the API for what exists by now. */
const EXISTS: ReadonlySet<string> = new Set(['ACCOUNT_EXISTS', 'TEAM_EXISTS']);

export interface ApplyOptions {
  readonly emit: Emit;
  readonly signal?: AbortSignal | undefined;
  /** Requests at the same time. */
  readonly concurrency: number;
}

/**
 * Makes changes, one kind after the other. What is refused is in the outcomes, and others go on; without an answer or a login,
 * nothing more is tried.
 * @param changes ordered by kind
 */
export async function applyChanges(
  client: AccessWriter,
  changes: readonly AccessChange[],
  { emit, signal, concurrency }: ApplyOptions,
): Promise<readonly ChangeOutcome[]> {
  const outcomes = new Map<AccessChange, ChangeOutcome>();
  const failed = new Set<string>();
  let stopped: AirgapError | undefined;
  const apply = async (change: AccessChange): Promise<ChangeOutcome> => {
    const reason = 'the run ended before it';
    if (stopped !== undefined) return { change, status: 'skipped', reason };
    if (signal?.aborted) {
      stopped = new AirgapError('interrupted', 'interrupted');
      return { change, status: 'skipped', reason, error: stopped };
    }
    const missing = change.needs.find((key) => failed.has(key));
    if (missing !== undefined) return { change, status: 'skipped', reason: `${missing} was not created` };
    try {
      await change.write(client);
      return { change, status: 'done' };
    } catch (error) {
      // Another run, or an attempt whose answer was lost. What differs is found by the next run.
      const { codes = [] } = refusalOf(error) ?? {};
      if (codes.some((code) => EXISTS.has(code))) return { change, status: 'done' };
      const refusal = asAirgapError(error);
      if (stopsRun(refusal)) stopped ??= refusal;
      const isOfDirectory = change.kind === 'account' && codes.includes('LDAP_PRECLUDES');
      const hint = isOfDirectory ? 'the registry takes accounts from a directory: add --search-ldap' : refusal.hint;
      return { change, status: 'refused', error: refusal.with({ subject: describeChange(change), hint }) };
    }
  };
  const title = `making ${count(changes.length, 'change')}`;
  await runStep(
    emit,
    title,
    async (advance) => {
      for (const kind of CHANGE_KINDS) {
        const own = changes.filter((change) => change.kind === kind);
        const made = await pool(own, concurrency, (change) => apply(change).finally(advance));
        for (const outcome of made) outcomes.set(outcome.change, outcome);
        for (const { change, status } of made) {
          if (change.action === 'create' && status !== 'done') failed.add(changeKey(change.kind, change.name));
        }
      }
    },
    changes.length,
  );
  return changes.flatMap((change) => outcomes.get(change) ?? []);
}

/** Returns the name of a change in messages: `team member engineering/backend: alice`. */
function describeChange({ kind, name, of }: Pick<AccessChange, 'kind' | 'name' | 'of'>): string {
  return `${kind} ${name}${of === undefined ? '' : `: ${of}`}`;
}

/** Reports whether an error concerns all requests. */
export function stopsRun({ code }: AirgapError): boolean {
  return code === 'unauthorized' || code === 'network' || code === 'interrupted';
}
