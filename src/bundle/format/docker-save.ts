import { isImageConfigType, isIndexType } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import type { ManifestNode, Root } from '../../oci/graph.ts';
import { LINUX_AMD64, matchesPlatform, type Platform } from '../../oci/platform.ts';
import { formatReference } from '../../oci/reference.ts';
import { blobName } from './layout.ts';

/** An image in `manifest.json`. */
export interface SavedImage {
  readonly Config: string;
  readonly RepoTags: readonly string[];
  readonly Layers: readonly string[];
}

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

/** Parses `manifest.json`; returns undefined if it is invalid. */
export function readDockerSave(bytes: Uint8Array): readonly SavedImage[] | undefined {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
  if (!Array.isArray(json)) return undefined;
  const saved = json.map((entry: unknown) => {
    const { Config, RepoTags, Layers } = Object(entry) as { Config?: unknown; RepoTags?: unknown; Layers?: unknown };
    return { Config, RepoTags: RepoTags ?? [], Layers };
  });
  const isList = (value: unknown): boolean => Array.isArray(value) && value.every((text) => typeof text === 'string');
  const isSaved = ({ Config, RepoTags, Layers }: (typeof saved)[number]): boolean =>
    typeof Config === 'string' && isList(RepoTags) && isList(Layers);
  return saved.every(isSaved) ? (saved as unknown as readonly SavedImage[]) : undefined;
}
