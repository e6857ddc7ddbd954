import type { RepositoryStatus } from '../../ecr/repositories.ts';
import { formatTarget } from '../../naming/naming.ts';
import type { Digest } from '../../oci/digest.ts';
import { type Graph, referrersOf } from '../../oci/graph.ts';
import type { Reference } from '../../oci/reference.ts';
import type { RegistryConnection } from '../../session/connect.ts';
import type { Context } from '../../session/context.ts';
import { type CopyPlan, planCopy } from '../../transfer/copy-plan.ts';
import { planReferrers, type ReferrersPlan } from '../../transfer/referrers/plan.ts';
import { destinationOf } from './destination.ts';
import { type PushGraphOptions, reservedNames } from './push-graph.ts';
import { absentPaths, lookUpRepositories } from './repositories.ts';

/** Planned actions of a push of a graph to one target. */
export interface GraphPlan extends CopyPlan {
  /** `REGISTRY[/PREFIX]`. */
  readonly target: string;
  readonly naming: string;
  /** Referrers of the images and charts that the target will have. */
  readonly referrers: ReferrersPlan;
  /** Status of ECR repositories; absent for registries that create repositories on push. */
  readonly repositories?: RepositoryStatus;
}

export type PlanGraphOptions = Pick<
  PushGraphOptions,
  | 'target'
  | 'concurrency'
  | 'existing'
  | 'repositories'
  | 'required'
  | 'isIncomplete'
  | 'knownTags'
  | 'unchanged'
  | 'unread'
>;

/**
 * Plans what `pushGraph` would do with the same options, without writing anything.
 * @throws AirgapError that `pushGraph` would throw before it sends anything; errors of requests to the target
 */
export async function planGraph(
  context: Context,
  graph: Graph,
  { client, ecr }: RegistryConnection,
  { target, repositories: { create }, unchanged = [], unread = [], ...options }: PlanGraphOptions,
): Promise<GraphPlan> {
  const { emit, signal } = context;
  const destination = (source: Reference): Reference => destinationOf(target, source);
  const paths = [...new Set(graph.roots.map(({ reference }) => destination(reference).path))];
  const repositories = await lookUpRepositories(context, target, ecr, paths, create);
  const absent = absentPaths(repositories);
  const copyOptions = {
    ...options,
    target: destination,
    reserved: reservedNames(target, { unchanged, unread }),
    absent,
    emit,
    signal,
  };
  const plan = await planCopy(graph, client, copyOptions);
  const subjects = plan.items.filter(({ status }) => status !== 'keep');
  const referrers = referrersOf(
    graph,
    subjects.map(({ reference, target: { digest } }) => ({ repository: reference, digest: digest as Digest })),
  );
  const present = unchanged.map(({ reference, target }) => ({ reference, target, status: 'present' as const }));
  return {
    target: formatTarget(target),
    naming: target.naming,
    ...plan,
    items: [...present, ...plan.items],
    referrers: await planReferrers(graph, referrers, client, copyOptions),
    ...(repositories && { repositories }),
  };
}
