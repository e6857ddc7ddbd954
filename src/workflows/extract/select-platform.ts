import { AirgapError } from '../../base/errors.ts';
import type { Bundle } from '../../bundle/reading/bundle.ts';
import { type Descriptor, isImageConfigType, isIndexType } from '../../oci/descriptor.ts';
import { closureOf, type Graph, type ManifestNode, type Root } from '../../oci/graph.ts';
import {
  formatPlatform,
  isAttestationPlatform,
  matchesPlatform,
  type Platform,
  platformOfConfig,
} from '../../oci/platform.ts';
import { formatReference } from '../../oci/reference.ts';

/** An image for one platform. */
export interface PlatformImage {
  readonly descriptor: Descriptor;
  readonly platform: Platform;
}

/**
 * Reduces a graph with one root to the image for one platform. The root becomes that image's manifest; a reference with
 * a digest gets the digest of the manifest.
 * @throws AirgapError `image-not-found` with the available platforms, also when several match
 */
export async function selectPlatform(source: Bundle, graph: Graph, root: Root, requested: Platform): Promise<Graph> {
  const all = await platformImages(source, graph, root);
  const matching = all.filter(({ platform }) => matchesPlatform(platform, requested));
  const exact = matching.filter(({ platform }) => formatPlatform(platform) === formatPlatform(requested));
  const [selected, ...others] = exact.length === 1 ? exact : matching;
  const name = formatReference(root.reference);
  if (selected === undefined || others.length > 0) {
    const list = (images: readonly PlatformImage[]): string =>
      [...new Set(images.map(({ platform }) => formatPlatform(platform)))].sort().join(', ');
    const available = all.length === 0 ? 'none' : list(all);
    const [what, hint] =
      selected === undefined
        ? [
            `has no image for ${formatPlatform(requested)}; available: ${available}`,
            'select one of these with --platform',
          ]
        : [
            `has ${matching.length} images for ${formatPlatform(requested)}: ${list(matching)}`,
            'add the variant to --platform',
          ];
    throw new AirgapError('image-not-found', `${name} ${what}`, { hint: `${hint}, or omit --platform to get all` });
  }
  const closure = closureOf(graph, selected.descriptor.digest);
  const [manifests, blobs] = [new Set(closure.manifests), new Set(closure.blobs)];
  const { mediaType, digest, size } = selected.descriptor;
  const reference = root.reference.digest === undefined ? root.reference : { ...root.reference, digest };
  return {
    roots: [{ reference, descriptor: { mediaType, digest, size } }],
    manifests: new Map([...graph.manifests].filter(([digest]) => manifests.has(digest))),
    blobs: new Map([...graph.blobs].filter(([digest]) => blobs.has(digest))),
  };
}

/** Returns all images below the root, with the platform from the index or else from the image config. */
export async function platformImages(source: Bundle, graph: Graph, root: Root): Promise<PlatformImage[]> {
  const found = new Map<string, PlatformImage>();
  const configs = new Map<string, Promise<Platform | undefined>>();
  const add = async ({ platform: listed, ...descriptor }: Descriptor): Promise<void> => {
    const node = graph.manifests.get(descriptor.digest);
    if (node === undefined || isIndexType(descriptor.mediaType)) return;
    // Reads each config once, even if an index lists the image repeatedly.
    const configPlatform =
      listed === undefined ? (configs.get(descriptor.digest) ?? readConfigPlatform(source, node)) : undefined;
    if (configPlatform !== undefined) configs.set(descriptor.digest, configPlatform);
    const platform = listed ?? (await configPlatform);
    if (platform === undefined || isAttestationPlatform(platform)) return;
    found.set(`${descriptor.digest} ${formatPlatform(platform)}`, { descriptor, platform });
  };
  await add(root.descriptor);
  for (const digest of closureOf(graph, root.descriptor.digest).manifests) {
    for (const child of graph.manifests.get(digest)?.children ?? []) await add(child);
  }
  return [...found.values()];
}

/** Reads the platform of an image config; undefined for other artifacts. */
async function readConfigPlatform(source: Bundle, { blobs }: ManifestNode): Promise<Platform | undefined> {
  const config = blobs.find(({ mediaType }) => isImageConfigType(mediaType));
  if (config === undefined) return undefined;
  return platformOfConfig(await source.read(config));
}
