import { AirgapError } from '../../base/errors.ts';
import { formatInventory, type Inventory } from '../../inventory/inventory.ts';
import { type Descriptor, MediaType } from '../../oci/descriptor.ts';
import type { Content, Root } from '../../oci/graph.ts';
import { formatReference, formatRepository } from '../../oci/reference.ts';
import { type Referrer, sortReferrers } from '../../oci/referrer.ts';
import type { ChartArtifact } from './chart-artifact.ts';
import { artifactContent, emptyBlob, inlineBlob } from './inline.ts';
import {
  CHART_NAME_ANNOTATION,
  CHART_VERSION_ANNOTATION,
  CONTAINERD_NAME_ANNOTATION,
  COSIGN_KIND_ANNOTATION,
  chartReference,
  INVENTORY_NAME,
  REF_NAME_ANNOTATION,
  SIGNATURE_TYPE,
  SUBJECT_ANNOTATION,
  SUBJECT_REPOSITORY_ANNOTATION,
  SUBJECT_TAG_ANNOTATION,
  signatureName,
} from './names.ts';

/** Content of `oci-layout` (OCI image layout 1.1). */
export const OCI_LAYOUT = Buffer.from('{"imageLayoutVersion":"1.0.0"}');

/**
 * Creates the inventory artifact: OCI image manifest 1.1 with the empty config and the inventory as its first layer.
 * @param evidence original indexes of platform subsets and sigstore's trusted root, as further layers, so that readers do
 *   not treat them as images
 */
export function inventoryArtifact(
  inventory: Inventory,
  evidence: readonly Uint8Array[] = [],
): { readonly descriptor: Descriptor; readonly content: Content } {
  const document = inlineBlob(MediaType.inventory, formatInventory(inventory));
  const layers = [document, ...evidence.map((bytes) => inlineBlob(MediaType.sourceEvidence, bytes))];
  const manifest = {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    artifactType: MediaType.inventory,
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
  inventory: Descriptor | undefined,
  referrers: readonly Referrer[] = [],
  signature?: Descriptor,
): Uint8Array {
  const manifests = [
    ...uniqueByName(roots.map((root) => [formatReference(root.reference), imageDescriptor(root)])),
    ...uniqueByName(
      charts.map((chart) => [formatReference(chartReference(chart.name, chart.version)), chartDescriptor(chart)]),
    ),
    ...sortReferrers([...referrers, ...charts.flatMap((chart) => chart.referrers ?? [])]).map(referrerDescriptor),
    ...(inventory === undefined ? [] : inventoryDescriptors(inventory, signature)),
  ];
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests }));
}

function imageDescriptor({ reference, descriptor }: Root): Descriptor {
  const name = formatReference(reference);
  return {
    ...bareDescriptor(descriptor),
    annotations: { [REF_NAME_ANNOTATION]: name, [CONTAINERD_NAME_ANNOTATION]: name },
  };
}

function chartDescriptor({
  name,
  version,
  descriptor,
}: Pick<ChartArtifact, 'name' | 'version' | 'descriptor'>): Descriptor {
  const annotations = {
    [REF_NAME_ANNOTATION]: formatReference(chartReference(name, version)),
    [CHART_NAME_ANNOTATION]: name,
    [CHART_VERSION_ANNOTATION]: version,
  };
  return { ...bareDescriptor(descriptor), artifactType: MediaType.helmConfig, annotations };
}

function referrerDescriptor({ repository, subject, descriptor, artifactType, tag }: Referrer): Descriptor {
  const annotations = {
    [SUBJECT_ANNOTATION]: subject,
    [SUBJECT_REPOSITORY_ANNOTATION]: formatRepository(repository),
    ...(tag === undefined ? {} : { [SUBJECT_TAG_ANNOTATION]: tag }),
  };
  return { ...bareDescriptor(descriptor), ...(artifactType === '' ? {} : { artifactType }), annotations };
}

/** Returns the descriptors of the inventory and of its signature. */
function inventoryDescriptors(inventory: Descriptor, signature: Descriptor | undefined): Descriptor[] {
  const entry = (descriptor: Descriptor, artifactType: string, name: string, kind: string): Descriptor => {
    const nameAnnotation = { [REF_NAME_ANNOTATION]: name };
    const annotations =
      signature === undefined ? nameAnnotation : { ...nameAnnotation, [COSIGN_KIND_ANNOTATION]: kind };
    return { ...bareDescriptor(descriptor), artifactType, annotations };
  };
  const signed = entry(inventory, MediaType.inventory, INVENTORY_NAME, 'dev.cosignproject.cosign/image');
  if (signature === undefined) return [signed];
  return [signed, entry(signature, SIGNATURE_TYPE, signatureName(inventory.digest), 'dev.cosignproject.cosign/sigs')];
}

function bareDescriptor({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

/** Sorts by name and removes duplicates. */
function uniqueByName(entries: readonly (readonly [string, Descriptor])[]): Descriptor[] {
  const byName = new Map<string, Descriptor>();
  for (const [name, descriptor] of entries) {
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
