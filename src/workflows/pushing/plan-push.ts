import { AirgapError } from '../../base/errors.ts';
import { ecrHost } from '../../ecr/hosts.ts';
import type { Standing } from '../../ecr/repositories.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatTarget, type Target } from '../../oci/naming.ts';
import type { Reference } from '../../oci/reference.ts';
import { referrersOf } from '../../oci/referrer.ts';
import { type CopyPlan, planCopy } from '../../transfer/plan.ts';
import { planReferrers, type ReferrersPlan } from '../../transfer/referrers-plan.ts';
import type { Context } from '../context.ts';
import type { PushOptions } from '../push.ts';
import { connect } from '../registry.ts';
import { type Cargo, load } from './cargo.ts';
import { placeOf, withWritten } from './places.ts';
import { absentOf, lookForRepositories } from './repositories.ts';
import { requiredOf } from './required.ts';
import { retired } from './retired.ts';

/** Planned actions of a push to one target. */
export interface PushPlan extends CopyPlan {
  /** `REGISTRY[/PREFIX]`. */
  readonly target: string;
  readonly naming: string;
  /** Referrers of the images and charts that the target will have. */
  readonly referrers: ReferrersPlan;
  /** Status of ECR repositories; absent for registries that create repositories on push. */
  readonly repositories?: Standing;
  /** References that only the older bundle needs at this target. */
  readonly retired?: readonly Reference[];
}

/**
 * Plans what {@link push} would do with the same options, without writing. @throws AirgapError that `push` would throw
 */
export async function planPush(context: Context, options: PushOptions): Promise<readonly PushPlan[]> {
  const cargo = await load(context, options);
  try {
    const plans: PushPlan[] = [];
    for (const target of options.targets) {
      plans.push(await planFor(context, cargo, withWritten(target, cargo.bundles), options));
    }
    return plans;
  } finally {
    await cargo.close();
  }
}

/** Returns the repositories that ECR lacks, for all targets. @throws AirgapError `usage` if no target is ECR */
export async function missingRepositories(context: Context, options: PushOptions): Promise<readonly string[]> {
  const { targets, access } = options;
  if (targets.every(({ registry }) => ecrHost(registry, access.ecrHosts) === undefined)) {
    throw new AirgapError(
      'usage',
      `${targets[0]?.registry} is not known to be ECR, so it creates repositories on push`,
      {
        hint: 'if it is ECR under another name, add --registry-type ecr and --region',
      },
    );
  }
  const cargo = await load(context, options);
  try {
    const missing: string[] = [];
    for (const target of options.targets) {
      const { client, ecr } = connect(context, { ...options.access, isTarget: true });
      try {
        const found = await lookForRepositories(
          context,
          target,
          ecr,
          pathsOf(cargo, withWritten(target, cargo.bundles)),
          'missing',
        );
        missing.push(...(found?.missing ?? []));
      } finally {
        await client.close();
      }
    }
    return [...new Set(missing)];
  } finally {
    await cargo.close();
  }
}

async function planFor(
  context: Context,
  cargo: Cargo,
  target: Target,
  { access, concurrency, existing, retire, repositories: { create } }: PushOptions,
): Promise<PushPlan> {
  const { signal } = context;
  const { graph } = cargo;
  const { client, ecr } = connect(context, { ...access, isTarget: true });
  try {
    const repositories = await lookForRepositories(context, target, ecr, pathsOf(cargo, target), create);
    const absent = absentOf(repositories);
    const place = (source: Reference): Reference => placeOf(target, source);
    const required = requiredOf(cargo, place, client);
    const options = { target: place, concurrency, existing, absent, signal, ...(required && { required }) };
    const plan = await planCopy(graph, client, options);
    const owners = plan.items.filter(({ status }) => status !== 'keep');
    const belonging = referrersOf(
      graph,
      owners.map(({ reference, target: { digest } }) => ({ repository: reference, digest: digest as Digest })),
    );
    return {
      target: formatTarget(target),
      naming: target.naming,
      ...plan,
      referrers: await planReferrers(graph, belonging, client, options),
      ...(repositories && { repositories }),
      ...(retire === undefined ? {} : { retired: await retired(retire, graph, target) }),
    };
  } finally {
    await client.close();
  }
}

function pathsOf({ graph }: Cargo, target: Target): string[] {
  return [...new Set(graph.roots.map(({ reference }) => placeOf(target, reference).path))];
}
