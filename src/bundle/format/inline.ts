import { type Descriptor, MediaType } from '../../oci/descriptor.ts';
import { digestOf } from '../../oci/digest.ts';
import type { BlobNode, Content } from '../../oci/graph.ts';
import { CHART_REGISTRY } from './names.ts';

/** A blob in memory. */
export type InlineBlob = BlobNode & { readonly bytes: Uint8Array };

export function inlineBlob(mediaType: string, bytes: Uint8Array): InlineBlob {
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, repositories: [], bytes };
}

/** The empty config of an artifact (OCI image manifest 1.1, "guidance for an empty descriptor"). */
export const emptyBlob: InlineBlob = inlineBlob(MediaType.empty, Buffer.from('{}'));

/** Creates an artifact in memory from a manifest object, which is serialized once, and its blobs. */
export function artifactContent(
  manifest: object,
  blobs: readonly InlineBlob[],
): { readonly descriptor: Descriptor; readonly content: Content } {
  const { descriptor, bytes } = inlineBlob(MediaType.ociManifest, Buffer.from(JSON.stringify(manifest)));
  const node = {
    descriptor,
    bytes,
    children: [],
    blobs: blobs.map((blob) => blob.descriptor),
    repository: { registry: CHART_REGISTRY, path: '' },
  };
  return {
    descriptor,
    content: {
      manifests: new Map([[descriptor.digest, node]]),
      blobs: new Map(blobs.map((blob) => [blob.descriptor.digest, blob])),
    },
  };
}
