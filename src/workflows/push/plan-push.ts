import { AirgapError } from '../../base/errors.ts';
import { type EcrKind, ecrKind } from '../../ecr/hosts.ts';
import type { RepositoryStatus } from '../../ecr/repositories.ts';
import { formatTarget, type Target } from '../../naming/naming.ts';
import type { Digest } from '../../oci/digest.ts';
import { referrersOf } from '../../oci/graph.ts';
import type { Reference } from '../../oci/reference.ts';
import { connect } from '../../session/connect.ts';
import type { Context } from '../../session/context.ts';
import { type CopyPlan, planCopy } from '../../transfer/copy-plan.ts';
import { planReferrers, type ReferrersPlan } from '../../transfer/referrers/plan.ts';
import { destinationOf, withWrittenNames } from './destination.ts';
import { incompleteRoots, type LoadedBundles, loadBundles, requiredBlobsOf } from './loaded-bundles.ts';
import type { PushOptions } from './push.ts';
import { absentPaths, lookUpRepositories } from './repositories.ts';
import { retiredReferences } from './retired.ts';

/** Planned actions of a push to one target. */
export interface PushPlan extends CopyPlan {
  /** `REGISTRY[/PREFIX]`. */
  readonly target: string;
  readonly naming: string;
  /** Referrers of the images and charts that the target will have. */
  readonly referrers: ReferrersPlan;
  /** Status of ECR repositories; absent for registries that create repositories on push. */
  readonly repositories?: RepositoryStatus;
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
      plans.push(await planFor(context, loaded, withWrittenNames(target, loaded.bundles), options));
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
          pathsOf(loaded, withWrittenNames(target, loaded.bundles)),
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
  { access, concurrency, existing, retire, repositories: { create } }: PushOptions,
): Promise<PushPlan> {
  const { emit, signal } = context;
  const { graph } = loaded;
  const { client, ecr } = connect(context, { ...access, isPushTarget: true });
  try {
    const repositories = await lookUpRepositories(context, target, ecr, pathsOf(loaded, target), create);
    const absent = absentPaths(repositories);
    const destination = (source: Reference): Reference => destinationOf(target, source);
    const required = requiredBlobsOf(loaded, destination, client);
    const isIncomplete = incompleteRoots(loaded);
    const shared = { target: destination, concurrency, existing, isIncomplete, absent, emit, signal };
    const options = { ...shared, ...(required && { required }) };
    const plan = await planCopy(graph, client, options);
    const subjects = plan.items.filter(({ status }) => status !== 'keep');
    const referrers = referrersOf(
      graph,
      subjects.map(({ reference, target: { digest } }) => ({ repository: reference, digest: digest as Digest })),
    );
    return {
      target: formatTarget(target),
      naming: target.naming,
      ...plan,
      referrers: await planReferrers(graph, referrers, client, options),
      ...(repositories && { repositories }),
      ...(retire === undefined ? {} : { retired: await retiredReferences(retire, graph, target, emit) }),
    };
  } finally {
    await client.close();
  }
}

function pathsOf({ graph }: LoadedBundles, target: Target): string[] {
  return [...new Set(graph.roots.map(({ reference }) => destinationOf(target, reference).path))];
}
