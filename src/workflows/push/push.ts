import type { Target } from '../../naming/naming.ts';
import type { Reference } from '../../oci/reference.ts';
import { connect, type RegistryUse } from '../../session/connect.ts';
import type { Context } from '../../session/context.ts';
import type { SharedReader } from '../../transfer/shared-source.ts';
import { destinationOf } from './destination.ts';
import {
  incompleteRoots,
  type LoadedBundles,
  type LoadOptions,
  loadBundles,
  loadedFiles,
  loadedTarget,
  requiredBlobsOf,
} from './loaded-bundles.ts';
import { type PushedGraph, type PushGraphOptions, pushGraph } from './push-graph.ts';
import { pushToTargets } from './push-to-targets.ts';
import { retiredReferences } from './retired.ts';

export interface PushOptions
  extends LoadOptions,
    RegistryUse,
    Pick<PushGraphOptions, 'existing' | 'requireReferrers' | 'repositories' | 'now'> {
  /** Targets, each of which gets everything. */
  readonly targets: readonly Target[];
  /** Path of an older bundle; references that only it needs are listed. */
  readonly retire?: string;
}

/** Called for each target when its push is complete. */
export type OnTargetDone = (result: PushResult) => Promise<void>;

export interface PushResult extends PushedGraph, Pick<LoadedBundles, 'missing'> {
  /** References that only the older bundle needs at this target. They are not deleted. */
  readonly retired?: readonly Reference[];
}

/**
 * Pushes bundles and chart archives to all targets at the same time, reading each blob once, and verifies every tag that was written. A
 * failing target does not stop the others.
 * @returns results in the order of the targets
 * @throws AirgapError of the failed targets
 */
export async function push(
  context: Context,
  options: PushOptions,
  onTargetDone: OnTargetDone,
): Promise<readonly PushResult[]> {
  const { targets, access, retire } = options;
  // First, because it throws for invalid options, and no bundle must be open then.
  const connection = connect(context, { ...access, isPushTarget: true });
  const loaded = await loadBundles(context, options);
  const { graph, source, missing } = loaded;
  const pushTo = async (named: Target, reader: SharedReader | undefined): Promise<PushResult> => {
    const target = loadedTarget(loaded, named);
    const retired = retire === undefined ? undefined : await retiredReferences(retire, graph, target, context.emit);
    const pushed = await pushGraph(context, graph, reader ?? source, connection, {
      ...options,
      target,
      bundles: loadedFiles(loaded),
      required: requiredBlobsOf(loaded, (repository) => destinationOf(target, repository), connection.client),
      isIncomplete: incompleteRoots(loaded),
      coordinator: reader,
    });
    const result = { ...pushed, ...(retired && { retired }), ...(missing && { missing }) };
    await onTargetDone(result);
    return result;
  };
  try {
    return await pushToTargets(targets, source, pushTo);
  } finally {
    await connection.client.close();
    await loaded.close();
  }
}
