import { isImageConfigType, isIndexType } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { ManifestNode, Root } from '../oci/graph.ts';
import { LINUX_AMD64, matchesPlatform, type Platform } from '../oci/platform.ts';
import { formatReference } from '../oci/reference.ts';
import { blobName } from './layout.ts';

/** The properties of images that `manifest.json` needs. */
export interface DockerSaveGraph {
  readonly roots: readonly Pick<Root, 'reference' | 'descriptor'>[];
  readonly manifests: ReadonlyMap<Digest, DockerSaveManifest>;
}

type DockerSaveManifest = Pick<ManifestNode, 'descriptor' | 'children' | 'blobs'>;

/** Media types of foreign layers, which are not part of archives for `docker load`. */
const FOREIGN_LAYER = /foreign|nondistributable/;

/**
 * Creates the `manifest.json` of `docker save` (moby, image/tarexport) for `docker load` and `podman load`. The format
 * has no indexes, so it lists one platform of each image. Artifacts other than images are omitted.
 */
export function dockerSaveFile(graph: DockerSaveGraph, platform: Platform = LINUX_AMD64): Uint8Array {
  const images = new Map<Digest, { Config: string; RepoTags: string[]; Layers: string[] }>();
  const roots = [...graph.roots].sort((a, b) => (formatReference(a.reference) < formatReference(b.reference) ? -1 : 1));
  for (const root of roots) {
    const node = manifestForPlatform(graph, root, platform);
    const config = node?.blobs[0];
    if (node === undefined || config === undefined || !isImageConfigType(config.mediaType)) continue;
    const layers = node.blobs.slice(1);
    if (layers.some(({ mediaType }) => FOREIGN_LAYER.test(mediaType))) continue;
    const image = images.get(node.descriptor.digest) ?? {
      Config: blobName(config.digest),
      RepoTags: [],
      Layers: layers.map(({ digest }) => blobName(digest)),
    };
    const { registry, path, tag } = root.reference;
    const name = `${registry}/${path}:${tag}`;
    if (tag !== undefined && !image.RepoTags.includes(name)) image.RepoTags.push(name);
    images.set(node.descriptor.digest, image);
  }
  return Buffer.from(JSON.stringify([...images.values()]));
}

/** Returns the manifest for the platform, or the only image of the index. */
function manifestForPlatform(
  { manifests }: DockerSaveGraph,
  { descriptor }: Pick<Root, 'descriptor'>,
  platform: Platform,
): DockerSaveManifest | undefined {
  const node = manifests.get(descriptor.digest);
  if (node === undefined || !isIndexType(node.descriptor.mediaType)) return node;
  const images = node.children.filter(
    ({ platform: childPlatform }) => childPlatform !== undefined && childPlatform.os !== 'unknown',
  );
  const child = images.find(
    ({ platform: childPlatform }) => childPlatform !== undefined && matchesPlatform(childPlatform, platform),
  );
  const selected = child ?? (images.length === 1 ? images[0] : undefined);
  return selected === undefined ? undefined : manifests.get(selected.digest);
}
