import { count, firstOf } from '../../base/count.ts';
import { AirgapError, asAirgapError } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import { expectImages } from '../../base/large-runs.ts';
import { settle } from '../../base/pool.ts';
import { runStep } from '../../base/step.ts';
import type { Target } from '../../naming/naming.ts';
import type { RegistrySource } from '../../oci/content.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Root } from '../../oci/graph.ts';
import { formatReference, formatRepository, type Reference, tagOrDigestOf } from '../../oci/reference.ts';
import type { CopyOutcome } from '../../transfer/copy.ts';
import { type CheckedTags, checkTags, destinationsFor } from '../../transfer/destinations.ts';
import type { WalkFailure } from '../../transfer/walk.ts';
import { throwIfAborted, wrapError } from '../../transfer/wrap-error.ts';
import { destinationOf } from '../push/destination.ts';
import { type RepositoryImages, referenceOf } from './listing/index.ts';
import { type ComparedRegistries, ReferrerComparison } from './referrer-comparison.ts';

export interface CompareOptions {
  readonly referrers: boolean;
  readonly concurrency: number;
  readonly emit: Emit;
  readonly signal?: AbortSignal | undefined;
}

/** Differences between the sources and the targets. */
export interface Comparison {
  /** Images that a target lacks, has with another digest, or has without new referrers. */
  readonly changed: readonly Reference[];
  /** Digest of each tag at its source, by `REGISTRY/PATH:TAG`. */
  readonly digests: ReadonlyMap<string, Digest>;
  /** Other images, for each target. */
  readonly unchanged: ReadonlyMap<Target, readonly CopyOutcome[]>;
  readonly knownTags: CheckedTags;
  /** Images whose source did not tell their digest. */
  readonly unread: readonly WalkFailure[];
}

/**
 * Compares the tags of the sources with those of the targets: one HEAD for each tag on each side, and for equal ones one
 * question for referrers.
 * @throws AirgapError `collision` for different images that would get the same name; `interrupted`
 */
export async function compareImages(
  repositories: readonly RepositoryImages[],
  { source, sink, targets, tagLists }: ComparedRegistries,
  { referrers, concurrency, emit, signal }: CompareOptions,
): Promise<Comparison> {
  const options = { concurrency, emit, signal };
  const images = repositories.flatMap(({ repository, lookups, allTags }) =>
    lookups.map((lookup): ListedImage => {
      const reference = referenceOf(repository, lookup);
      const isListed = reference.digest === undefined && allTags?.has(tagOrDigestOf(reference)) === true;
      return { reference, isListed };
    }),
  );
  expectImages(images.length);
  const knownTags: KnownTags = new Map();
  // Both sides at the same time: a run with nothing new waits for little else.
  const meanwhile = (reference: Reference): Promise<unknown> =>
    Promise.all([readTargetTags(sink, targets, reference, knownTags), ...(referrers ? [tagLists.of(reference)] : [])]);
  const { roots, unread } = await readRoots(source, images, meanwhile, options);
  const present = await Promise.all(
    targets.map((target) => presentImages(sink, target, roots, { ...options, knownTags })),
  );
  const candidates = roots.filter((root) => present.every((outcomes) => outcomes.has(root)));
  const isUnchanged = referrers
    ? await new ReferrerComparison({ source, sink, targets, tagLists }).compare(candidates, options)
    : new Set(candidates);
  const changed = roots.filter((root) => !isUnchanged.has(root));
  return {
    changed: changed.map(({ reference }) => reference),
    digests: new Map(
      changed.flatMap(({ reference, descriptor }) =>
        reference.digest === undefined
          ? [[`${formatRepository(reference)}:${reference.tag}`, descriptor.digest] as const]
          : [],
      ),
    ),
    unchanged: new Map(
      targets.map((target, index) => [
        target,
        roots.flatMap((root) => (isUnchanged.has(root) ? (present[index]?.get(root) ?? []) : [])),
      ]),
    ),
    knownTags,
    unread,
  };
}

/** An image to compare. */
interface ListedImage {
  readonly reference: Reference;
  /** The registry listed its tag in this run. */
  readonly isListed: boolean;
}

/** Tags of the targets, as far as they have been read. */
type KnownTags = Map<string, Digest | AirgapError | undefined>;

type StepOptions = Pick<CompareOptions, 'concurrency' | 'emit' | 'signal'>;

/**
 * Reads the digests of images at their sources. A listed tag that is gone is left out with a warning, unless the registry
 * has none of the listed tags of its repository.
 * @param meanwhile other requests for an image, sent at the same time; does not reject
 */
async function readRoots(
  source: RegistrySource,
  images: readonly ListedImage[],
  meanwhile: (reference: Reference) => Promise<unknown>,
  { concurrency, emit, signal }: StepOptions,
): Promise<{ readonly roots: readonly Root[]; readonly unread: readonly WalkFailure[] }> {
  const answers = await runStep(
    emit,
    'reading the digests of tags',
    (advance) =>
      settle(images, concurrency, async ({ reference }) => {
        throwIfAborted(signal);
        const others = meanwhile(reference);
        try {
          return await rootOf(source, reference);
        } finally {
          await others;
          advance();
        }
      }),
    images.length,
  );
  throwIfAborted(signal);
  const roots: Root[] = [];
  const unread: WalkFailure[] = [];
  const gone: string[] = [];
  const read = new Set<string>();
  for (const [index, { reference }] of images.entries()) {
    const answer = answers[index];
    if (answer !== undefined && 'value' in answer && answer.value !== undefined) {
      roots.push(answer.value);
      read.add(formatRepository(reference));
    }
  }
  for (const [index, { reference, isListed }] of images.entries()) {
    const answer = answers[index];
    const name = formatReference(reference);
    if (answer === undefined || 'error' in answer) unread.push({ reference, error: wrapError(name, answer?.error) });
    else if (answer.value === undefined && isListed && read.has(formatRepository(reference))) gone.push(name);
    else if (answer.value === undefined) unread.push({ reference, error: goneError(name) });
  }
  if (gone.length > 0) {
    const tags = count(gone.length, 'tag');
    emit({ type: 'warning', message: `left out ${tags}, deleted after they were listed: ${firstOf(gone, MAX_SHOWN)}` });
  }
  return { roots, unread };
}

/** Names shown in a warning. */
const MAX_SHOWN = 10;

/** Returns the images that a target has under their names, and completes what is known of its tags. */
async function presentImages(
  sink: ComparedRegistries['sink'],
  target: Target,
  roots: readonly Root[],
  { knownTags, ...options }: StepOptions & { readonly knownTags: KnownTags },
): Promise<ReadonlyMap<Root, CopyOutcome>> {
  const destinations = destinationsFor(roots, (reference) => destinationOf(target, reference));
  const outcomes = new Map<Root, CopyOutcome>();
  for (const { destination, status, found, error } of await checkTags(destinations, sink, { ...options, knownTags })) {
    const { root, repository, tag } = destination;
    // The copy reports the error.
    knownTags.set(formatReference({ ...repository, tag }), status === 'unknown' ? asAirgapError(error) : found);
    const { reference, descriptor } = root;
    const { digest } = descriptor;
    if (status === 'present') outcomes.set(root, { reference, target: { ...repository, tag, digest }, digest, status });
  }
  return outcomes;
}

/**
 * Reads the digests that targets have under the names that a tag will most likely get there. Only its digest tells whether
 * it gets another one. Failures are left to {@link checkTags}. Never rejects.
 */
async function readTargetTags(
  sink: ComparedRegistries['sink'],
  targets: readonly Target[],
  reference: Reference,
  knownTags: KnownTags,
): Promise<void> {
  await settle(targets, targets.length, async (target) => {
    const { registry, path, tag = reference.tag } = destinationOf(target, reference);
    if (tag === undefined) return;
    knownTags.set(formatReference({ registry, path, tag }), await sink.hasManifest({ registry, path }, tag));
  });
}

/** Returns the root of a reference; undefined if its tag does not exist. A digest needs no request. */
async function rootOf(source: RegistrySource, reference: Reference): Promise<Root | undefined> {
  const { digest } = reference;
  const descriptor: Pick<Descriptor, 'digest'> | undefined =
    digest === undefined ? await source.head(reference, tagOrDigestOf(reference)) : { digest };
  return descriptor && { reference, descriptor: { mediaType: '', size: 0, ...descriptor } };
}

function goneError(name: string): AirgapError {
  return new AirgapError('image-not-found', 'the registry does not have it', {
    subject: name,
    hint: 'correct or remove it in the list or plan; it may have been deleted since that was written',
  });
}
