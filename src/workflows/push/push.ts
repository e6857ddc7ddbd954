import { count } from '../../base/count.ts';
import { AirgapError, asAirgapError, combine } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import { type PollOptions, pollUntil } from '../../base/poll-until.ts';
import { settle } from '../../base/pool.ts';
import { runStep } from '../../base/step.ts';
import { chartName } from '../../bundle/format/names.ts';
import type { ReconciledRepository } from '../../ecr/reconcile.ts';
import { formatTarget, type Target } from '../../naming/naming.ts';
import type { Sink, Source } from '../../oci/content.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';
import { connect, type RegistryConnection, type RegistryUse } from '../../session/connect.ts';
import type { Context } from '../../session/context.ts';
import { type CopyOutcome, type CopyResult, copy } from '../../transfer/copy.ts';
import { planCopy } from '../../transfer/copy-plan.ts';
import { destinationsFor, type ExistingTag } from '../../transfer/destinations.ts';
import { assertNoSignatureConflicts } from '../../transfer/referrers/groups.ts';
import { type SharedReader, SharedSource } from '../../transfer/shared-source.ts';
import { wrapError } from '../../transfer/wrap-error.ts';
import { destinationOf, withWrittenNames } from './destination.ts';
import {
  incompleteRoots,
  type LoadedBundles,
  type LoadOptions,
  loadBundles,
  requiredBlobsOf,
} from './loaded-bundles.ts';
import { countReferrers, pushBundledReferrers, type ReferrerCounts } from './push-referrers.ts';
import { createReceipt, type Receipt } from './receipt.ts';
import { absentPaths, lookUpRepositories, prepareRepositories, type RepositoryOptions } from './repositories.ts';
import { retiredReferences } from './retired.ts';

export interface PushOptions extends LoadOptions, RegistryUse {
  /** Targets, each of which gets everything. */
  readonly targets: readonly Target[];
  /** Handling of tags that have another digest. */
  readonly existing: ExistingTag;
  /** Fails the run if a registry rejects a referrer. */
  readonly requireReferrers: boolean;
  readonly repositories: RepositoryOptions;
  /** Path of an older bundle; references that only it needs are listed. */
  readonly retire?: string;
  readonly now: () => Date;
}

/** Called for each target when its push is complete. */
export type OnTargetDone = (result: PushResult) => Promise<void>;

export interface PushResult {
  /** `REGISTRY[/PREFIX]`. */
  readonly target: string;
  readonly naming: string;
  readonly images: readonly CopyOutcome[];
  readonly charts: readonly CopyOutcome[];
  /** Referrers of these images and charts. */
  readonly referrers: ReferrerCounts;
  /** ECR repositories that were created, that a creation template creates on push, and that were changed. */
  readonly created: readonly string[];
  readonly onPush: readonly string[];
  readonly reconciled: readonly ReconciledRepository[];
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
export async function push(
  context: Context,
  options: PushOptions,
  onTargetDone: OnTargetDone,
): Promise<readonly PushResult[]> {
  const { targets, access } = options;
  // First, because it throws for invalid options, and no bundle must be open then.
  const connection = connect(context, { ...access, isPushTarget: true });
  const loaded = await loadBundles(context, options);
  try {
    const readers = readersFor(loaded.source, targets.length);
    const outcomes = await settle(targets, targets.length, async (target, index) => {
      const reader = readers[index];
      try {
        const result = await pushTo(
          context,
          loaded,
          connection,
          withWrittenNames(target, loaded.bundles),
          options,
          reader,
        );
        await onTargetDone(result);
        return result;
      } finally {
        reader?.close();
      }
    });
    const errors = outcomes.flatMap((outcome, index) =>
      'error' in outcome ? [targetError(targets, index, asAirgapError(outcome.error))] : [],
    );
    const interrupted = errors.find(({ code }) => code === 'interrupted');
    if (interrupted !== undefined) throw interrupted;
    if (errors.length > 0) throw combine(errors, `the push to ${errors.length} of ${targets.length} targets failed`);
    return outcomes.flatMap((outcome) => ('error' in outcome ? [] : [outcome.value]));
  } finally {
    await connection.client.close();
    await loaded.close();
  }
}

/** Returns the error of a target as a batch that names the target, unless it is the only one. */
function targetError(targets: readonly Target[], index: number, error: AirgapError): AirgapError {
  if (targets.length === 1 || error.code === 'interrupted') return error;
  const target = formatTarget(targets[index] as Target);
  if (error.causes.length > 0) return error.with({ target });
  return new AirgapError('several', 'the push failed', { target, causes: [error], cause: error });
}

/** @param reader shared source, if several targets are pushed to at the same time */
async function pushTo(
  context: Context,
  loaded: LoadedBundles,
  { client, ecr }: RegistryConnection,
  target: Target,
  { concurrency, existing, requireReferrers, repositories: repositoryOptions, retire, now }: PushOptions,
  reader?: SharedReader,
): Promise<PushResult> {
  const { signal } = context;
  const { graph, bundles } = loaded;
  const source = reader ?? loaded.source;
  const started = now();
  const written = new Map<string, Date>();
  const emit: Context['emit'] = (event) => {
    if (event.type === 'image') written.set(event.reference, now());
    const hasTarget = reader !== undefined || event.type === 'upload';
    context.emit(hasTarget ? { ...event, target: formatTarget(target) } : event);
  };
  const destination = (source: Reference): Reference => destinationOf(target, source);
  // Collisions are reported before any repository is created.
  const destinations = destinationsFor(graph.roots, destination);
  const paths = [...new Set(destinations.map(({ repository }) => repository.path))];
  const retiredField =
    retire === undefined ? {} : { retired: await retiredReferences(retire, graph, target, context.emit) };
  const required = requiredBlobsOf(loaded, destination, client);
  const isIncomplete = incompleteRoots(loaded);
  const copyOptions = {
    target: destination,
    concurrency,
    existing,
    isIncomplete,
    signal,
    ...(required && { required }),
  };
  if (required !== undefined) {
    // A delta whose base bundle is missing fails here, also before any repository is created.
    const absent = absentPaths(await lookUpRepositories(context, target, ecr, paths, repositoryOptions.create));
    if (absent.size > 0) await planCopy(graph, client, { ...copyOptions, absent, emit: context.emit });
  }
  const ensured = await prepareRepositories(context, target, ecr, paths, repositoryOptions);
  const absent = new Set([...ensured.created, ...ensured.onPush]);
  const options = { ...copyOptions, absent, emit, ...(reader && { coordinator: reader }) };
  const knownTags =
    existing === 'error' ? await assertNoSignatureConflicts(graph.referrers ?? [], client, options) : undefined;
  const { outcomes, failures, blobs, bytes } = await copy(graph, source, client, options);
  const referrers = await pushBundledReferrers(graph, outcomes, source, client, {
    ...options,
    ...(knownTags && { knownTags }),
    now,
    requireReferrers,
  });
  const errors = [...failures.map(({ error }) => error), ...(await readBack(client, outcomes, { concurrency, emit }))];
  const all = [...errors, ...referrers.failures];
  if (all.length > 0) {
    const failed = `${errors.length} of ${graph.roots.length} images and charts could not be pushed`;
    const { length } = referrers.failures;
    throw combine(all, length === 0 ? failed : `${failed}, and ${count(length, 'referrer')}`);
  }
  const finished = now();
  const isChart = ({ reference }: CopyOutcome): boolean => chartName(reference) !== undefined;
  const names = { target: formatTarget(target), naming: target.naming };
  return {
    ...names,
    images: outcomes.filter((outcome) => !isChart(outcome)),
    charts: outcomes.filter(isChart),
    referrers: countReferrers(referrers.outcomes),
    created: ensured.created,
    onPush: ensured.onPush,
    reconciled: ensured.reconciled,
    blobs,
    bytes,
    ...retiredField,
    receipt: createReceipt({
      ...names,
      bundles,
      outcomes,
      referrers: referrers.outcomes,
      bytes,
      started,
      finished,
      written,
    }),
  };
}

/** Returns a shared reader for each target; none for a single target. */
export function readersFor(source: Source, targets: number): readonly SharedReader[] {
  if (targets < 2) return [];
  const shared = new SharedSource(source);
  return Array.from({ length: targets }, () => shared.reader());
}

export interface ReadBackOptions {
  readonly concurrency: number;
  readonly emit: Emit;
  /** How often a tag is read until it has the expected digest. */
  readonly poll?: PollOptions;
}

/**
 * Reads back the digest of every pushed tag. Tags that were already present are not read again.
 * @returns a `digest-mismatch` for each tag with another digest, and the errors of tags that could not be read
 */
export async function readBack(
  sink: Pick<Sink, 'hasManifest'>,
  outcomes: readonly CopyOutcome[],
  { concurrency, emit, poll }: ReadBackOptions,
): Promise<readonly AirgapError[]> {
  const sent = outcomes.filter(({ status }) => status === 'pushed');
  const read = ({ target, digest }: CopyOutcome): Promise<Digest | undefined> =>
    pollUntil(
      () => sink.hasManifest(target, target.tag ?? digest),
      (found) => found === digest,
      poll,
    );
  const answers = await runStep(
    emit,
    'reading back the pushed tags',
    (advance) => settle(sent, concurrency, (outcome) => read(outcome).finally(advance)),
    sent.length,
  );
  return answers.flatMap((answer, index) => {
    const { target, digest } = sent[index] as CopyOutcome;
    const name = formatReference(target);
    if (!('value' in answer)) {
      const error = wrapError(name, answer.error);
      return [error.with({ reason: `it was pushed but could not be verified: ${error.reason}` })];
    }
    if (answer.value === digest) return [];
    return [
      new AirgapError('digest-mismatch', 'it was pushed but reads back as something else', {
        subject: name,
        detail: answer.value ?? 'nothing',
        hint: 'another client writes to this repository, or the registry lost it; push again',
      }),
    ];
  });
}
