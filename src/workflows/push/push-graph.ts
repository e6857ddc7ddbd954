import { count } from '../../base/count.ts';
import { combine } from '../../base/errors.ts';
import { chartArchiveName, chartName } from '../../bundle/format/names.ts';
import type { ReconciledRepository } from '../../ecr/reconcile.ts';
import { formatTarget, type Target } from '../../naming/naming.ts';
import type { Source } from '../../oci/content.ts';
import type { Graph, Root } from '../../oci/graph.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';
import type { RegistryConnection } from '../../session/connect.ts';
import type { Context } from '../../session/context.ts';
import { type CopyOptions, type CopyOutcome, type CopyResult, copy } from '../../transfer/copy.ts';
import { planCopy } from '../../transfer/copy-plan.ts';
import { destinationsFor, type ExistingTag } from '../../transfer/destinations.ts';
import { LateTags } from '../../transfer/late-tags.ts';
import { assertNoSignatureConflicts } from '../../transfer/referrers/groups.ts';
import type { WalkFailure } from '../../transfer/walk.ts';
import { destinationOf } from './destination.ts';
import { countReferrers, pushBundledReferrers, type ReferrerCounts } from './push-referrers.ts';
import { readBack } from './read-back.ts';
import type { Receipt } from './read-receipt.ts';
import { createReceipt, type ReceiptInput } from './receipt.ts';
import { absentPaths, lookUpRepositories, prepareRepositories, type RepositoryOptions } from './repositories.ts';

export interface PushGraphOptions
  extends Pick<
    CopyOptions,
    'concurrency' | 'required' | 'isIncomplete' | 'coordinator' | 'knownTags' | 'mountsFromSource'
  > {
  readonly target: Target;
  /** Handling of tags that have another digest. */
  readonly existing: ExistingTag;
  /** Fails the run if a registry rejects a referrer. */
  readonly requireReferrers: boolean;
  readonly repositories: RepositoryOptions;
  /** Bundles that the content is from, for the receipt. */
  readonly bundles: ReceiptInput['bundles'];
  /** Images that the target was found to have, with their referrers; they are not in the graph. */
  readonly unchanged?: readonly CopyOutcome[];
  /** Images that could not be read. The others are pushed before the push fails. */
  readonly unread?: readonly WalkFailure[];
  /**
   * Writes the tags of images with referrers after these, so that a tag tells that its image is complete with all
   * signatures. Default: false.
   */
  readonly tagsLast?: boolean;
  readonly now: () => Date;
}

/** A comparison of tags asks for the referrers of the images, and not for those of what is below them. */
const RECHECK_NOTE =
  'to complete signatures of single platforms, or of signatures and attestations, run the command again with --recheck';

/** Result of pushing a graph to one target. */
export interface PushedGraph {
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
  readonly receipt: Receipt;
}

/**
 * Pushes images and charts with their referrers to one target, and verifies every tag that was written.
 * @param source may be one that several targets read together
 * @throws AirgapError for everything that could not be pushed
 */
export async function pushGraph(
  context: Context,
  graph: Graph,
  source: Source,
  { client, ecr }: RegistryConnection,
  options: PushGraphOptions,
): Promise<PushedGraph> {
  const { signal } = context;
  const { target, bundles, concurrency, existing, required, coordinator, unchanged = [], unread = [], now } = options;
  const { requireReferrers, repositories: repositoryOptions } = options;
  const started = now();
  const written = new Map<string, Date>();
  const emit: Context['emit'] = (event) => {
    if (event.type === 'image') written.set(event.reference, now());
    const hasTarget = coordinator !== undefined || event.type === 'upload';
    context.emit(hasTarget ? { ...event, target: formatTarget(target) } : event);
  };
  const destination = (named: Reference): Reference => destinationOf(target, named);
  // Collisions are reported before any repository is created.
  const reserved = reservedNames(target, { unchanged, unread });
  const destinations = destinationsFor(graph.roots, destination, reserved);
  const paths = [...new Set(destinations.map(({ repository }) => repository.path))];
  const { isIncomplete, knownTags, mountsFromSource } = options;
  const copyOptions: Omit<CopyOptions, 'emit'> = {
    target: destination,
    concurrency,
    existing,
    knownTags,
    reserved,
    mountsFromSource,
    isIncomplete,
    signal,
    required,
  };
  if (required !== undefined) {
    // A delta whose base bundle is missing fails here, also before any repository is created.
    const absent = absentPaths(await lookUpRepositories(context, target, ecr, paths, repositoryOptions.create));
    if (absent.size > 0) await planCopy(graph, client, { ...copyOptions, absent, emit: context.emit });
  }
  const ensured = await prepareRepositories(context, target, ecr, paths, repositoryOptions);
  const absent = new Set([...ensured.created, ...ensured.onPush]);
  const shared = { ...copyOptions, existing, absent, emit, coordinator };
  const knownSignatures =
    existing === 'error' ? await assertNoSignatureConflicts(graph.referrers ?? [], client, shared) : undefined;
  const late = options.tagsLast ? new LateTags(graph) : undefined;
  const copied = await copy(graph, source, client, { ...shared, isTaggedLater: late?.isLate });
  const { blobs, bytes } = copied;
  const referrers = await pushBundledReferrers(graph, copied.outcomes, source, client, {
    ...shared,
    knownTags: knownSignatures,
    now,
    requireReferrers,
  });
  const tagged = await late?.write(copied, referrers.outcomes, client, { concurrency, emit, signal });
  const { outcomes, failures } = tagged ?? copied;
  const errors = [
    ...unread.map(({ error }) => error),
    ...failures.map(({ error }) => error),
    ...(await readBack(client, outcomes, { concurrency, emit })),
  ];
  const all = [...errors, ...referrers.failures];
  if (late !== undefined && referrers.failures.length > 0) emit({ type: 'note', message: RECHECK_NOTE });
  if (all.length > 0) {
    const total = graph.roots.length + unchanged.length + unread.length;
    const done = total - errors.length;
    if (done > 0) emit({ type: 'note', message: `${formatTarget(target)} has ${done} of ${total} images and charts` });
    const failed = `${errors.length} of ${total} images and charts could not be pushed`;
    const { length } = referrers.failures;
    throw combine(all, length === 0 ? failed : `${failed}, and ${count(length, 'referrer')}`);
  }
  const complete = [...unchanged, ...outcomes];
  const isChart = ({ reference }: CopyOutcome): boolean =>
    (chartName(reference) ?? chartArchiveName(reference)) !== undefined;
  const names = { target: formatTarget(target), naming: target.naming };
  const { created, onPush, reconciled } = ensured;
  return {
    ...names,
    images: complete.filter((outcome) => !isChart(outcome)),
    charts: complete.filter(isChart),
    referrers: countReferrers(referrers.outcomes),
    created,
    onPush,
    reconciled,
    blobs,
    bytes,
    receipt: createReceipt({
      ...names,
      bundles,
      outcomes: complete,
      referrers: referrers.outcomes,
      bytes,
      started,
      finished: now(),
      written,
    }),
  };
}

/** Returns the names in the target of images that are not in the graph: see `destinationsFor`. */
export function reservedNames(
  target: Target,
  { unchanged = [], unread = [] }: Pick<PushGraphOptions, 'unchanged' | 'unread'>,
): ReadonlyMap<string, Root | undefined> {
  const names = new Map<string, Root | undefined>();
  for (const { reference } of unread) {
    const { registry, path, tag = reference.tag } = destinationOf(target, reference);
    if (tag !== undefined && reference.digest === undefined)
      names.set(formatReference({ registry, path, tag }), undefined);
  }
  for (const { reference, target: name, digest } of unchanged) {
    const { digest: _, ...tagged } = name;
    names.set(formatReference(tagged), { reference, descriptor: { mediaType: '', digest, size: 0 } });
  }
  return names;
}
