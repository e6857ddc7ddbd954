import type { AirgapError } from '../base/errors.ts';
import type { Emit, Upload } from '../base/events.ts';
import { collectGarbage } from '../base/large-runs.ts';
import type { Sink, Source } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import { closureOf, type Graph, type ManifestNode, type Root } from '../oci/graph.ts';
import { isAttestationPlatform } from '../oci/platform.ts';
import { formatReference, formatRepository, type Reference } from '../oci/reference.ts';
import {
  assertNoTagConflicts,
  type CheckedTags,
  checkTags,
  type Destination,
  destinationsFor,
  type ExistingTag,
} from './destinations.ts';
import { type UploadResult, uploadGraph } from './graph-upload.ts';
import { findRequiredBlobs, type RequiredBlobs, withRequiredBlobs } from './required-blobs.ts';
import type { ReadCoordinator } from './shared-source.ts';
import { throwIfAborted, wrapError } from './wrap-error.ts';

export interface CopyOptions {
  /** Maps a source reference to its target repository. The result has a tag only if that differs from the source's. */
  readonly target: (source: Reference) => Reference;
  /** Blobs transferred at the same time. */
  readonly concurrency: number;
  /** Blobs that the source lacks and the sink must have. */
  readonly required?: RequiredBlobs | undefined;
  /** Handling of tags that have another digest. Default: `overwrite`. */
  readonly existing?: ExistingTag;
  /** Paths of target repositories that do not exist yet; no requests are sent for them. */
  readonly absent?: ReadonlySet<string>;
  /** Reports whether the target may lack content of a root whose tag it has: its content is sent again. */
  readonly isIncomplete?: ((root: Root) => boolean) | undefined;
  readonly knownTags?: CheckedTags | undefined;
  /** Names of images that are not copied, `REGISTRY/PATH:TAG`, which no other image gets: see {@link destinationsFor}. */
  readonly reserved?: ReadonlyMap<string, Root | undefined> | undefined;
  /** Reports whether a root is pushed by digest alone, because its tag is written later. */
  readonly isTaggedLater?: ((root: Root) => boolean) | undefined;
  /** Mounts blobs from their source repositories if these are in the registry of the sink. Default: false. */
  readonly mountsFromSource?: boolean | undefined;
  /** Present when other copies read the same source at the same time. */
  readonly coordinator?: ReadCoordinator | undefined;
  readonly emit: Emit;
  readonly signal?: AbortSignal | undefined;
}

export interface CopyOutcome {
  readonly reference: Reference;
  /** Repository, tag and digest in the target. */
  readonly target: Reference;
  /** Digest that the target tag has now. */
  readonly digest: Digest;
  /** `present`: the tag already had this digest. `kept`: the tag has another digest and was not overwritten. */
  readonly status: 'pushed' | 'present' | 'kept';
}

interface CopyFailure {
  readonly reference: Reference;
  /** Its message names the image and the failed step. */
  readonly error: AirgapError;
}

export interface CopyResult extends Pick<UploadResult, 'blobs' | 'bytes'> {
  /** One for each root that did not fail, in the order of the graph's roots. */
  readonly outcomes: readonly CopyOutcome[];
  readonly failures: readonly CopyFailure[];
}

/**
 * Copies everything in the graph from the source to the sink. A root whose tag already has its digest costs one
 * request. Each other blob is uploaded once and mounted into the other repositories that need it. Children are pushed
 * before parents, and tags last, so that every tag refers to complete content. A failing root does not stop the others.
 * @throws AirgapError before anything is sent: `collision`, `tag-conflict` if `existing` is `error`, and the errors of
 *   {@link findRequiredBlobs}; later only `interrupted`
 */
export async function copy(graph: Graph, source: Source, sink: Sink, options: CopyOptions): Promise<CopyResult> {
  const destinations = destinationsFor(graph.roots, options.target, options.reserved);
  const statuses = await checkTags(destinations, sink, options);
  const { existing = 'overwrite' } = options;
  if (existing === 'error') assertNoTagConflicts(statuses);
  const sentStatuses = new Set(existing === 'skip' ? ['missing'] : ['missing', 'different']);
  const pending = statuses.filter(({ status }) => sentStatuses.has(status)).map(({ destination }) => destination);
  const { required } = options;
  const mountSources = required && (await findRequiredBlobs(graph, pending, sink, required, options));
  const reader = required && mountSources ? withRequiredBlobs(source, mountSources, required.source) : source;
  const { emit } = options;
  const blobsToSend = pending.flatMap(({ root }) => closureOf(graph, root.descriptor.digest).blobs);
  const sizes = [...new Set(blobsToSend)].map((digest) => graph.blobs.get(digest)?.descriptor.size ?? 0);
  const unknown = statuses.filter(({ status }) => status === 'unknown').length;
  if (unknown < statuses.length || unknown === 0) {
    emit({
      type: 'upload',
      tags: pending.length,
      unchanged: statuses.length - pending.length - unknown,
      repositories: new Set(pending.map(({ repository }) => formatRepository(repository))).size,
      blobs: sizes.length,
      bytes: sizes.reduce((sum, size) => sum + size, 0),
      ...exampleOf(pending[0]),
    });
  }
  const items = pending.map(({ root, repository, tag }) => ({
    repository,
    tag: options.isTaggedLater?.(root) ? undefined : tag,
    descriptor: root.descriptor,
  }));
  // Of reading manifests and asking for tags.
  collectGarbage();
  const { errors, blobs, bytes } = await uploadGraph(graph, reader, sink, items, {
    ...options,
    progress: { activity: 'uploading', items: { total: pending.length, noun: 'tags' } },
    mountSources,
    nameFailure: (step, error, node) => stepFailure(graph, step, error, node),
    onUploaded: (index) => {
      const { root } = pending[index] as Destination;
      if (options.isTaggedLater?.(root)) return;
      const { reference, descriptor } = root;
      emit({ type: 'image', reference: formatReference(reference), digest: descriptor.digest });
    },
  });
  throwIfAborted(options.signal);
  const outcomes: CopyOutcome[] = [];
  const failures: CopyFailure[] = [];
  const indexes = new Map(pending.map((destination, index) => [destination, index]));
  for (const { destination, status: tagStatus, found, error: checkError } of statuses) {
    const { reference, descriptor } = destination.root;
    const index = indexes.get(destination);
    const error = index === undefined ? checkError : errors[index];
    if (error !== undefined) {
      failures.push({ reference, error: wrapError(formatReference(reference), error) });
      continue;
    }
    const digest = index === undefined && found !== undefined ? found : descriptor.digest;
    const target = { ...destination.repository, tag: destination.tag, digest };
    const status = index !== undefined ? 'pushed' : tagStatus === 'different' ? 'kept' : 'present';
    outcomes.push({ reference, target, digest, status });
  }
  const present = statuses.filter(({ status }) => status === 'present').map(({ destination }) => destination);
  const presentBlobs = blobs.present + countPresentBlobs(graph, present, pending);
  return { outcomes, failures, blobs: { ...blobs, present: presentBlobs }, bytes };
}

function exampleOf(destination: Destination | undefined): Pick<Upload, 'example'> {
  if (destination === undefined) return {};
  const { root, repository, tag } = destination;
  return { example: { from: formatReference(root.reference), to: formatReference({ ...repository, tag }) } };
}

/** Counts blobs of present roots, each once per repository, without those that a pushed root uploads there as well. */
function countPresentBlobs(graph: Graph, present: readonly Destination[], sent: readonly Destination[]): number {
  const keys = (destinations: readonly Destination[]): Set<string> =>
    new Set(
      destinations.flatMap(({ root, repository }) =>
        closureOf(graph, root.descriptor.digest).blobs.map((digest) => `${formatRepository(repository)}@${digest}`),
      ),
    );
  const others = keys(sent);
  return [...keys(present)].filter((key) => !others.has(key)).length;
}

/**
 * The distribution registry answers 500 to manifests with foreign layers unless its configuration allows their URLs.
 */
const FOREIGN_LAYERS_HINT =
  'the image has foreign layers with URLs of their own; the distribution registry accepts them if validation.manifests.urls.allow matches these URLs';

/** GitLab's registry rejects BuildKit attestations whose media types it does not know. */
const ATTESTATION_HINT =
  'the registry rejects this attestation, which the image index contains; bundle the image with --attestations drop, which changes the digest of the index';

/** Returns the error with the failed step in front, and with a hint if the kind of manifest explains its refusal. */
function stepFailure({ manifests }: Graph, step: string, error: unknown, node: ManifestNode | undefined): AirgapError {
  const failure = wrapError(step, error);
  if (node === undefined || (failure.code !== 'registry' && failure.code !== 'unsupported')) return failure;
  const { digest } = node.descriptor;
  const isAttestation = (): boolean =>
    manifests
      .values()
      .some(({ children }) =>
        children.some((child) => child.digest === digest && isAttestationPlatform(child.platform)),
      );
  if (node.blobs.some(({ urls = [] }) => urls.length > 0)) return failure.with({ hint: FOREIGN_LAYERS_HINT });
  return isAttestation() ? failure.with({ hint: ATTESTATION_HINT }) : failure;
}
