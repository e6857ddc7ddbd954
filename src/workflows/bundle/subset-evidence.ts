import { AirgapError } from '../../base/errors.ts';
import { settle } from '../../base/pool.ts';
import { runStep } from '../../base/step.ts';
import type { Bundle } from '../../bundle/reading/bundle.ts';
import type { Source } from '../../oci/content.ts';
import { type Descriptor, MediaType } from '../../oci/descriptor.ts';
import { type Digest, digestOf } from '../../oci/digest.ts';
import type { Graph, Root } from '../../oci/graph.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { formatRepository, parseReference } from '../../oci/reference.ts';
import type { Referrer } from '../../oci/referrer.ts';
import { signatureBlobs } from '../../oci/referrer-signature.ts';
import { isSubset } from '../../transfer/index-subset.ts';
import { referrerManifest } from '../../transfer/manifest-reader.ts';
import { INDEX_DEPTH } from '../../transfer/manifest-tree.ts';
import type { ReferrerRequests } from '../../transfer/referrers/requests.ts';
import { type ReadBlobOptions, readBlob } from '../../transfer/resumable-read.ts';
import { wrapError } from '../../transfer/wrap-error.ts';
import { SIGNATURE_LIMIT } from './signature-search.ts';

export interface EvidenceOptions extends ReadBlobOptions {
  readonly graph: Pick<Graph, 'roots'>;
  /** Referrers of indexes that the platform selection replaced. */
  readonly leftOut: readonly Referrer[];
  readonly source: Source;
  readonly concurrency: number;
  /** Records what could not be read. */
  readonly requests: ReferrerRequests;
}

/**
 * Returns evidence that proves offline that reduced indexes derive from signed indexes: the original indexes and their
 * signatures. Evidence is not pushed. It is empty for indexes without signatures.
 * @throws AirgapError `interrupted`
 */
export async function subsetEvidence(options: EvidenceOptions): Promise<readonly Uint8Array[]> {
  const { graph, leftOut, concurrency } = options;
  // Cosign's other tags refer to attestations and SBOMs.
  const candidates = leftOut.filter(({ tag = '.sig' }) => tag.endsWith('.sig'));
  const outcomes = await runStep(
    options.emit,
    'reading the signatures of indexes',
    (advance) => settle(candidates, concurrency, (referrer) => readSignature(referrer, options).finally(advance)),
    candidates.length,
  );
  const evidence = new Map<Digest, Uint8Array>();
  const signed = new Set<string>();
  for (const [index, outcome] of outcomes.entries()) {
    const { repository, subject, descriptor } = candidates[index] as Referrer;
    const name = `${formatRepository(repository)}@${subject}`;
    if ('error' in outcome) {
      const error = wrapError(`${formatRepository(repository)}@${descriptor.digest}`, outcome.error);
      if (error.code === 'image-not-found' || error.code === 'registry') {
        options.emit({ type: 'warning', message: `ignored as a signature: ${error.message}` });
      } else options.requests.record(repository.registry, [name], error);
    } else if (outcome.value.length > 0) signed.add(name);
    for (const bytes of 'error' in outcome ? [] : outcome.value) evidence.set(digestOf(bytes), bytes);
  }
  for (const { reference, sourceDigest, sources = [] } of graph.roots) {
    if (!signed.has(`${formatRepository(reference)}@${sourceDigest}`)) continue;
    for (const bytes of sources) evidence.set(digestOf(bytes), bytes);
  }
  return [...evidence].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, bytes]) => bytes);
}

/** Returns the manifest of a signature and its signed payloads; empty if it is not a signature. */
async function readSignature(referrer: Referrer, options: EvidenceOptions): Promise<Uint8Array[]> {
  const { repository, descriptor } = referrer;
  const manifest = await referrerManifest((lookup) => options.source.manifest(repository, lookup), referrer);
  if (digestOf(manifest.bytes) !== descriptor.digest)
    throw new AirgapError('registry', 'the registry returned other content');
  const blobs = signatureBlobs(parseManifest(manifest.descriptor.mediaType, manifest.bytes));
  const read: Uint8Array[] = [];
  for (const { blob } of blobs.filter((entry) => entry.blob.size <= SIGNATURE_LIMIT)) {
    read.push(await readBlob(options.source, { descriptor: blob, repositories: [repository] }, options));
  }
  return read.length === 0 ? [] : [manifest.bytes, ...read];
}

/** Returns the signatures in a bundle for the original indexes of reduced images. */
export function bundledSignatures(bundle: Pick<Bundle, 'inventory' | 'entries'>): Referrer[] {
  return (bundle.inventory()?.images ?? []).flatMap(({ reference, referrers = [] }) =>
    referrers.flatMap(({ digest, subject, artifactType, tag, leftOut }) => {
      const entry = bundle.entries.get(digest);
      if (!leftOut || entry === undefined) return [];
      const { registry, path } = parseReference(reference);
      const descriptor = { mediaType: MediaType.ociManifest, digest, size: entry.size };
      return [{ repository: { registry, path }, subject, descriptor, artifactType, ...(tag && { tag }) }];
    }),
  );
}

/**
 * Reports whether a bundle has the original index of an image and the image is a platform subset of it, without any
 * other content.
 * @throws AirgapError `digest-mismatch`; errors of reading a damaged bundle
 */
export async function isSubsetOfSource(
  bundle: Bundle,
  { reference, descriptor, sourceDigest }: Root,
): Promise<boolean> {
  if (sourceDigest === undefined) return false;
  const comparisons = new Map<string, Promise<boolean>>();
  const isDerived = (
    subset: Pick<Descriptor, 'digest'>,
    source: Pick<Descriptor, 'digest'>,
    depth: number,
  ): Promise<boolean> => {
    const key = `${subset.digest} ${source.digest}`;
    const answer = comparisons.get(key) ?? compare(subset.digest, source.digest, depth);
    comparisons.set(key, answer);
    return answer;
  };
  const compare = async (subset: Digest, source: Digest, depth: number): Promise<boolean> => {
    if (depth > INDEX_DEPTH || !bundle.entries.has(subset) || !bundle.entries.has(source)) return false;
    const [smaller, larger] = await Promise.all([subset, source].map((digest) => bundle.manifest(reference, digest)));
    if (smaller === undefined || larger === undefined) return false;
    return isSubset(smaller, larger, (child, original) => isDerived(child, original, depth + 1));
  };
  return isDerived(descriptor, { digest: sourceDigest }, 0);
}
