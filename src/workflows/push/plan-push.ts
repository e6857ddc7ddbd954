import { AirgapError } from '../../base/errors.ts';
import { type EcrKind, ecrKind } from '../../ecr/hosts.ts';
import type { Target } from '../../naming/naming.ts';
import type { Reference } from '../../oci/reference.ts';
import { connect } from '../../session/connect.ts';
import type { Context } from '../../session/context.ts';
import { destinationOf } from './destination.ts';
import { incompleteRoots, type LoadedBundles, loadBundles, loadedTarget, requiredBlobsOf } from './loaded-bundles.ts';
import { type GraphPlan, planGraph } from './plan-graph.ts';
import type { PushOptions } from './push.ts';
import { lookUpRepositories } from './repositories.ts';
import { retiredReferences } from './retired.ts';

/** Planned actions of a push to one target. */
export interface PushPlan extends GraphPlan, Pick<LoadedBundles, 'missing'> {
  /** References that only the older bundle needs at this target. */
  readonly retired?: readonly Reference[];
}

/**
 * Plans what {@link push} would do with the same options, without writing. @throws AirgapError that `push` would throw
 */
export async function planPush(context: Context, options: PushOptions): Promise<readonly PushPlan[]> {
  const loaded = await loadBundles(context, options);
  try {
    const plans: PushPlan[] = [];
    for (const target of options.targets) {
      plans.push(await planFor(context, loaded, loadedTarget(loaded, target), options));
    }
    return plans;
  } finally {
    await loaded.close();
  }
}

/** Repositories to create before a push. */
export interface MissingRepositories {
  readonly kind: EcrKind;
  /** Paths in the registry. */
  readonly paths: readonly string[];
}

/**
 * Returns the repositories that ECR lacks, for all targets. @throws AirgapError `usage` if no target is ECR, and for
 * private and public ones together, which have different definitions
 */
export async function missingRepositories(context: Context, options: PushOptions): Promise<MissingRepositories> {
  const { targets, access } = options;
  const [kind, otherKind] = new Set(targets.flatMap(({ registry }) => ecrKind(registry, access.ecrHosts) ?? []));
  if (otherKind !== undefined) {
    throw new AirgapError('usage', 'private ECR and ECR Public have different definitions of repositories', {
      hint: 'print them with one --to at a time',
    });
  }
  if (kind === undefined) {
    throw new AirgapError(
      'usage',
      `${targets[0]?.registry} is not known to be ECR, so it creates repositories on push`,
      {
        hint: 'if it is ECR under another name, add --registry-type ecr and --region',
      },
    );
  }
  const loaded = await loadBundles(context, options);
  try {
    const missing: string[] = [];
    for (const target of options.targets) {
      const { client, ecr } = connect(context, { ...options.access, isPushTarget: true });
      try {
        const status = await lookUpRepositories(
          context,
          target,
          ecr,
          pathsOf(loaded, loadedTarget(loaded, target)),
          'missing',
        );
        missing.push(...(status?.missing ?? []));
      } finally {
        await client.close();
      }
    }
    return { kind, paths: [...new Set(missing)] };
  } finally {
    await loaded.close();
  }
}

async function planFor(
  context: Context,
  loaded: LoadedBundles,
  target: Target,
  { retire, ...options }: PushOptions,
): Promise<PushPlan> {
  const connection = connect(context, { ...options.access, isPushTarget: true });
  const { graph, missing } = loaded;
  try {
    const graphPlan = await planGraph(context, graph, connection, {
      ...options,
      target,
      required: requiredBlobsOf(loaded, (source) => destinationOf(target, source), connection.client),
      isIncomplete: incompleteRoots(loaded),
    });
    const plan = { ...graphPlan, ...(missing && { missing }) };
    if (retire === undefined) return plan;
    return { ...plan, retired: await retiredReferences(retire, graph, target, context.emit) };
  } finally {
    await connection.client.close();
  }
}

function pathsOf({ graph }: LoadedBundles, target: Target): string[] {
  return [...new Set(graph.roots.map(({ reference }) => destinationOf(target, reference).path))];
}
