import { runStep } from '../../base/step.ts';
import type { AccessDocument } from '../../inventory/access.ts';
import { connectMirantis, type RegistryUse } from '../../session/connect.ts';
import type { Context } from '../../session/context.ts';
import { applyChanges, type ChangeOutcome } from './apply-changes.ts';
import type { PlanOptions } from './changes.ts';
import { type AccessPlan, planAccess } from './plan-access.ts';
import { readState } from './read-state.ts';

export interface AccessOptions extends PlanOptions, RegistryUse {
  readonly document: AccessDocument;
  /** Host of the destination. */
  readonly registry: string;
  /** False for a dry run: nothing is changed then. */
  readonly write: boolean;
}

export interface AccessResult extends Pick<AccessPlan, 'leftOut' | 'beyond'> {
  /** Host of the destination. */
  readonly target: string;
  readonly isWritten: boolean;
  readonly outcomes: readonly ChangeOutcome[];
}

/**
 * Gives a registry with the same API what a document says, or finds what that would change.
 * @throws AirgapError if the destination cannot be read. What it refuses is in the outcomes
 */
export async function applyAccess(context: Context, options: AccessOptions): Promise<AccessResult> {
  const { document, registry, access, concurrency, write } = options;
  const { emit, signal } = context;
  const client = connectMirantis(context, access, registry);
  try {
    const title = `reading accounts and rights of ${registry}`;
    const state = await runStep(emit, title, () => readState(client, document, concurrency));
    const { changes, leftOut, beyond } = planAccess(document, state, options);
    const outcomes = write
      ? await applyChanges(client, changes, { emit, signal, concurrency })
      : changes.map((change): ChangeOutcome => ({ change, status: 'planned' }));
    return { target: registry, isWritten: write, outcomes, leftOut, beyond };
  } finally {
    await client.close();
  }
}
