import { combine, ours } from '../base/errors.ts';
import { settle } from '../base/pool.ts';
import { chartName } from '../bundle/names.ts';
import type { Reconciled } from '../ecr/reconcile.ts';
import { formatTarget, type Target } from '../oci/naming.ts';
import type { Reference } from '../oci/reference.ts';
import { type CopyOutcome, type CopyResult, copy } from '../transfer/copy.ts';
import { refuseOtherSignatures } from '../transfer/cosign-tags.ts';
import { planCopy } from '../transfer/plan.ts';
import type { Reader } from '../transfer/shared-source.ts';
import type { ExistingTag } from '../transfer/survey.ts';
import { place as placeAll } from '../transfer/tags.ts';
import type { Context } from './context.ts';
import { type Belonging, countBelonging, pushBelonging } from './pushing/belonging.ts';
import { type Cargo, type LoadOptions, load } from './pushing/cargo.ts';
import { placeOf, withWritten } from './pushing/places.ts';
import { readBack } from './pushing/read-back.ts';
import { type Receipt, receiptOf } from './pushing/receipt.ts';
import { absentOf, lookForRepositories, prepareRepositories, type RepositoryChoice } from './pushing/repositories.ts';
import { requiredOf } from './pushing/required.ts';
import { retired } from './pushing/retired.ts';
import { emitsFor, readersFor } from './pushing/side-by-side.ts';
import { type Connection, connect, type RegistryAccess } from './registry.ts';

export interface PushOptions extends LoadOptions {
  /** Targets, each of which gets everything. */
  readonly targets: readonly Target[];
  readonly access: RegistryAccess;
  /** Handling of tags that have another digest. */
  readonly existing: ExistingTag;
  /** Makes it an error if a registry does not accept a referrer. */
  readonly requireReferrers: boolean;
  readonly repositories: RepositoryChoice;
  /** Path of an older bundle; references that only it needs are listed. */
  readonly retire?: string;
  readonly now: () => Date;
}

/** Called for each target when its push is complete. */
export type Done = (result: PushResult) => Promise<void>;

export interface PushResult {
  /** `REGISTRY[/PREFIX]`. */
  readonly target: string;
  readonly naming: string;
  readonly images: readonly CopyOutcome[];
  readonly charts: readonly CopyOutcome[];
  /** Referrers of these images and charts. */
  readonly referrers: Belonging;
  /** ECR repositories that were created, that a creation template creates on push, and that were changed. */
  readonly created: readonly string[];
  readonly onPush: readonly string[];
  readonly reconciled: readonly Reconciled[];
  readonly blobs: CopyResult['blobs'];
  /** Bytes sent. */
  readonly bytes: number;
  /** References that only the older bundle needs at this target. They are not deleted. */
  readonly retired?: readonly Reference[];
  readonly receipt: Receipt;
}

/**
 * Pushes bundles to all targets at the same time, reading each blob once, and verifies every tag that was written. A
 * failing target does not stop the others.
 * @returns results in the order of the targets
 * @throws AirgapError of the failed targets
 */
export async function push(context: Context, options: PushOptions, done: Done): Promise<readonly PushResult[]> {
  const { targets, access } = options;
  // First, because it throws for invalid options, and no bundle must be open then.
  const connection = connect(context, { ...access, isTarget: true });
  const cargo = await load(context, options);
  try {
    const readers = readersFor(cargo.source, targets.length);
    const emits = emitsFor(context.emit, targets.length);
    const ends = await settle(targets, targets.length, async (target, at) => {
      const reader = readers[at];
      const own = { ...context, emit: emits[at] ?? context.emit };
      try {
        const result = await pushTo(own, cargo, connection, withWritten(target, cargo.bundles), options, reader);
        await done(result);
        return result;
      } finally {
        reader?.close();
      }
    });
    const errors = ends.flatMap((end) => ('error' in end ? [ours(end.error)] : []));
    const interrupted = errors.find(({ code }) => code === 'interrupted');
    if (interrupted !== undefined) throw interrupted;
    if (errors.length > 0) throw combine(errors, `the push to ${errors.length} of ${targets.length} targets failed`);
    return ends.flatMap((end) => ('error' in end ? [] : [end.value]));
  } finally {
    await connection.client.close();
    await cargo.close();
  }
}

/** @param reader shared source, if several targets are pushed to at the same time */
async function pushTo(
  context: Context,
  cargo: Cargo,
  { client, ecr }: Connection,
  target: Target,
  { concurrency, existing, requireReferrers, repositories: choice, retire, now }: PushOptions,
  reader?: Reader,
): Promise<PushResult> {
  const { signal } = context;
  const { graph, bundles } = cargo;
  const source = reader ?? cargo.source;
  const started = now();
  const written = new Map<string, Date>();
  const emit: Context['emit'] = (event) => {
    if (event.type === 'image') written.set(event.reference, now());
    context.emit(event);
  };
  const place = (source: Reference): Reference => placeOf(target, source);
  // Collisions are reported before any repository is created.
  const placements = placeAll(graph.roots, place);
  const paths = [...new Set(placements.map(({ repository }) => repository.path))];
  const left = retire === undefined ? {} : { retired: await retired(retire, graph, target) };
  const required = requiredOf(cargo, place, client);
  const asked = { target: place, concurrency, existing, signal, ...(required && { required }) };
  if (required !== undefined) {
    // A delta whose base bundle is missing fails here, also before any repository is created.
    const absent = absentOf(await lookForRepositories(context, target, ecr, paths, choice.create));
    if (absent.size > 0) await planCopy(graph, client, { ...asked, absent });
  }
  const ensured = await prepareRepositories(context, target, ecr, paths, choice);
  const absent = new Set([...ensured.created, ...ensured.onPush]);
  const options = { ...asked, absent, emit, ...(reader && { turns: reader }) };
  const seen = existing === 'error' ? await refuseOtherSignatures(graph.referrers ?? [], client, options) : undefined;
  const { outcomes, failures, blobs, bytes } = await copy(graph, source, client, options);
  const belonging = await pushBelonging(graph, outcomes, source, client, {
    ...options,
    ...(seen && { seen }),
    now,
    requireReferrers,
  });
  const errors = [
    ...failures.map(({ error }) => error),
    ...(await readBack(client, outcomes, concurrency)),
    ...belonging.failures,
  ];
  if (errors.length > 0)
    throw combine(errors, `${errors.length} of ${graph.roots.length} images and charts could not be pushed`);
  const finished = now();
  const isChart = ({ reference }: CopyOutcome): boolean => chartName(reference) !== undefined;
  const names = { target: formatTarget(target), naming: target.naming };
  return {
    ...names,
    images: outcomes.filter((outcome) => !isChart(outcome)),
    charts: outcomes.filter(isChart),
    referrers: countBelonging(belonging.outcomes),
    created: ensured.created,
    onPush: ensured.onPush,
    reconciled: ensured.reconciled,
    blobs,
    bytes,
    ...left,
    receipt: receiptOf({
      ...names,
      bundles,
      outcomes,
      belonging: belonging.outcomes,
      bytes,
      started,
      finished,
      written,
    }),
  };
}
