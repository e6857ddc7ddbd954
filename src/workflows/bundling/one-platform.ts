import { AirgapError } from '../../base/errors.ts';
import type { Bundle } from '../../bundle/read.ts';
import { type Descriptor, isImageConfigType, isIndexType } from '../../oci/descriptor.ts';
import { closureOf, type Graph, type ManifestNode, type Root } from '../../oci/graph.ts';
import { formatPlatform, isAttestation, matchesPlatform, type Platform } from '../../oci/platform.ts';
import { formatReference } from '../../oci/reference.ts';

interface Candidate {
  readonly descriptor: Descriptor;
  readonly platform: Platform;
}

/**
 * Reduces a graph with one root to the image for one platform. The root becomes that image's manifest; a reference with
 * a digest gets the digest of the manifest.
 * @throws AirgapError `image-not-found` with the available platforms, also when several match
 */
export async function onePlatform(source: Bundle, graph: Graph, root: Root, want: Platform): Promise<Graph> {
  const all = await candidatesOf(source, graph, root);
  const fitting = all.filter(({ platform }) => matchesPlatform(platform, want));
  const exact = fitting.filter(({ platform }) => formatPlatform(platform) === formatPlatform(want));
  const [chosen, ...others] = exact.length === 1 ? exact : fitting;
  const name = formatReference(root.reference);
  if (chosen === undefined || others.length > 0) {
    const list = (some: readonly Candidate[]): string =>
      [...new Set(some.map(({ platform }) => formatPlatform(platform)))].sort().join(', ');
    const there = all.length === 0 ? 'none' : list(all);
    const [what, hint] =
      chosen === undefined
        ? [`has no image for ${formatPlatform(want)}; available: ${there}`, 'select one of these with --platform']
        : [
            `has ${fitting.length} images for ${formatPlatform(want)}: ${list(fitting)}`,
            'add the variant to --platform',
          ];
    throw new AirgapError('image-not-found', `${name} ${what}`, { hint: `${hint}, or omit --platform to get all` });
  }
  const below = closureOf(graph, chosen.descriptor.digest);
  const [manifests, blobs] = [new Set(below.manifests), new Set(below.blobs)];
  const { mediaType, digest, size } = chosen.descriptor;
  const reference = root.reference.digest === undefined ? root.reference : { ...root.reference, digest };
  return {
    roots: [{ reference, descriptor: { mediaType, digest, size } }],
    manifests: new Map([...graph.manifests].filter(([at]) => manifests.has(at))),
    blobs: new Map([...graph.blobs].filter(([at]) => blobs.has(at))),
  };
}

/** Returns all images below the root, with the platform from the index or else from the image config. */
async function candidatesOf(source: Bundle, graph: Graph, root: Root): Promise<Candidate[]> {
  const found = new Map<string, Candidate>();
  const configs = new Map<string, Promise<Platform | undefined>>();
  const add = async ({ platform: said, ...descriptor }: Descriptor): Promise<void> => {
    const node = graph.manifests.get(descriptor.digest);
    if (node === undefined || isIndexType(descriptor.mediaType)) return;
    // Reads each config once, even if an index lists the image repeatedly.
    const own = said === undefined ? (configs.get(descriptor.digest) ?? configured(source, node)) : undefined;
    if (own !== undefined) configs.set(descriptor.digest, own);
    const platform = said ?? (await own);
    if (platform === undefined || isAttestation(platform)) return;
    found.set(`${descriptor.digest} ${formatPlatform(platform)}`, { descriptor, platform });
  };
  await add(root.descriptor);
  for (const at of closureOf(graph, root.descriptor.digest).manifests) {
    for (const child of graph.manifests.get(at)?.children ?? []) await add(child);
  }
  return [...found.values()];
}

/** Returns the platform of an image config (OCI image specification, config.md); undefined for other artifacts. */
async function configured(source: Bundle, { blobs }: ManifestNode): Promise<Platform | undefined> {
  const config = blobs.find(({ mediaType }) => isImageConfigType(mediaType));
  if (config === undefined) return undefined;
  let json: Partial<Record<keyof Platform, unknown>> | null;
  try {
    json = JSON.parse(Buffer.from(await source.read(config)).toString('utf8'));
  } catch (error) {
    if (error instanceof AirgapError) throw error;
    return undefined;
  }
  const { os, architecture, variant } = json ?? {};
  if (typeof os !== 'string' || typeof architecture !== 'string') return undefined;
  return typeof variant === 'string' && variant !== '' ? { os, architecture, variant } : { os, architecture };
}
