import { AirgapError } from '../base/errors.ts';
import { formatLock, type Lock } from '../lock/lock.ts';
import { type Descriptor, MediaType } from '../oci/descriptor.ts';
import type { Content, Root } from '../oci/graph.ts';
import { formatReference, formatRepository } from '../oci/reference.ts';
import { type Referrer, sortReferrers } from '../oci/referrer.ts';
import type { ChartArtifact } from './chart-artifact.ts';
import { artifactContent, emptyBlob, inline } from './inline.ts';
import {
  CHART_NAME,
  CHART_VERSION,
  CONTAINERD_NAME,
  COSIGN_KIND,
  chartReference,
  LOCK_NAME,
  REF_NAME,
  SIGNATURE_TYPE,
  SUBJECT,
  SUBJECT_REPOSITORY,
  SUBJECT_TAG,
  signatureName,
} from './names.ts';

/** Content of `oci-layout` (OCI image layout 1.1). */
export const OCI_LAYOUT = Buffer.from('{"imageLayoutVersion":"1.0.0"}');

/**
 * Creates the inventory artifact: OCI image manifest 1.1 with the empty config and the inventory as its first layer.
 * @param evidence original indexes of platform subsets, as further layers, so that readers do not treat them as images
 */
export function lockArtifact(
  lock: Lock,
  evidence: readonly Uint8Array[] = [],
): { readonly descriptor: Descriptor; readonly content: Content } {
  const document = inline(MediaType.lock, formatLock(lock));
  const layers = [document, ...evidence.map((bytes) => inline(MediaType.lockSource, bytes))];
  const manifest = {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    artifactType: MediaType.lock,
    config: emptyBlob.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
  };
  return artifactContent(manifest, [emptyBlob, ...layers]);
}

/**
 * Creates the index of the layout: images sorted by name, then charts, referrers, and the inventory last. Readers that
 * fail on artifacts have read the images by then.
 * @throws AirgapError `collision` if one name refers to two digests
 */
export function indexFile(
  roots: readonly Root[],
  charts: readonly Pick<ChartArtifact, 'name' | 'version' | 'descriptor' | 'referrers'>[],
  lock: Descriptor | undefined,
  referrers: readonly Referrer[] = [],
  signature?: Descriptor,
): Uint8Array {
  const manifests = [
    ...once(roots.map((root) => [formatReference(root.reference), imageDescriptor(root)])),
    ...once(
      charts.map((chart) => [formatReference(chartReference(chart.name, chart.version)), chartDescriptor(chart)]),
    ),
    ...sortReferrers([...referrers, ...charts.flatMap((chart) => chart.referrers ?? [])]).map(referrerDescriptor),
    ...(lock === undefined ? [] : lockDescriptors(lock, signature)),
  ];
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests }));
}

function imageDescriptor({ reference, descriptor }: Root): Descriptor {
  const name = formatReference(reference);
  return { ...plain(descriptor), annotations: { [REF_NAME]: name, [CONTAINERD_NAME]: name } };
}

function chartDescriptor({
  name,
  version,
  descriptor,
}: Pick<ChartArtifact, 'name' | 'version' | 'descriptor'>): Descriptor {
  const annotations = {
    [REF_NAME]: formatReference(chartReference(name, version)),
    [CHART_NAME]: name,
    [CHART_VERSION]: version,
  };
  return { ...plain(descriptor), artifactType: MediaType.helmConfig, annotations };
}

function referrerDescriptor({ repository, subject, descriptor, artifactType, tag }: Referrer): Descriptor {
  const annotations = {
    [SUBJECT]: subject,
    [SUBJECT_REPOSITORY]: formatRepository(repository),
    ...(tag === undefined ? {} : { [SUBJECT_TAG]: tag }),
  };
  return { ...plain(descriptor), ...(artifactType === '' ? {} : { artifactType }), annotations };
}

/** Returns the descriptors of the inventory and of its signature. */
function lockDescriptors(lock: Descriptor, signature: Descriptor | undefined): Descriptor[] {
  const entry = (descriptor: Descriptor, artifactType: string, name: string, kind: string): Descriptor => {
    const named = { [REF_NAME]: name };
    const annotations = signature === undefined ? named : { ...named, [COSIGN_KIND]: kind };
    return { ...plain(descriptor), artifactType, annotations };
  };
  const signed = entry(lock, MediaType.lock, LOCK_NAME, 'dev.cosignproject.cosign/image');
  if (signature === undefined) return [signed];
  return [signed, entry(signature, SIGNATURE_TYPE, signatureName(lock.digest), 'dev.cosignproject.cosign/sigs')];
}

function plain({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

/** Sorts by name and removes duplicates. */
function once(named: readonly (readonly [string, Descriptor])[]): Descriptor[] {
  const byName = new Map<string, Descriptor>();
  for (const [name, descriptor] of named) {
    const other = byName.get(name);
    if (other !== undefined && other.digest !== descriptor.digest) {
      throw new AirgapError(
        'collision',
        `${name} would refer to both ${other.digest} and ${descriptor.digest} in the bundle`,
      );
    }
    byName.set(name, descriptor);
  }
  return [...byName.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, descriptor]) => descriptor);
}
