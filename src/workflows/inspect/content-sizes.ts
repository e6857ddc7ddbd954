import type { Bundle } from '../../bundle/reading/bundle.ts';
import type { Digest } from '../../oci/digest.ts';
import { closureOf, type Graph } from '../../oci/graph.ts';
import { formatReference } from '../../oci/reference.ts';

/** Bytes of manifests and blobs, each digest counted once. */
export interface ContentSize {
  readonly bytes: number;
  /** Bytes that nothing else of the same list has: what a bundle without it would save. */
  readonly own: number;
}

/** A chart of the bundle, or `''` for images that no chart needs, and how much its archive and its images take. */
export interface ChartSize extends ContentSize {
  /** Name of the chart, without version: locations name charts so. Manifests have a space in their name. */
  readonly name: string;
  readonly images: number;
}

export interface ContentSizes {
  /** By reference. */
  readonly images: ReadonlyMap<string, ContentSize>;
  readonly charts: readonly ChartSize[];
}

/**
 * Computes what images and charts take in a bundle, and what they share.
 * @param graph everything below the images and charts of the bundle
 */
export function contentSizes(bundle: Pick<Bundle, 'images' | 'charts' | 'inventory'>, graph: Graph): ContentSizes {
  const members = new Map<Digest, readonly Digest[]>();
  const membersOf = (digest: Digest): readonly Digest[] => {
    const known = members.get(digest);
    if (known !== undefined) return known;
    const { manifests, blobs } = closureOf(graph, digest);
    const all = [...manifests, ...blobs];
    members.set(digest, all);
    return all;
  };
  const sizeOf = (digest: Digest): number =>
    graph.manifests.get(digest)?.bytes.length ?? graph.blobs.get(digest)?.descriptor.size ?? 0;
  const images = bundle.images().map(({ reference, descriptor }) => ({
    name: formatReference(reference),
    roots: [descriptor.digest],
  }));
  const groups = chartGroups(bundle);
  const sizes = (owners: readonly Owner[]): ContentSize[] => sizesOf(owners, membersOf, sizeOf);
  const chartSizes = sizes(groups);
  const imageSizes = sizes(images);
  return {
    images: new Map(images.map(({ name }, i) => [name, imageSizes[i] as ContentSize])),
    charts: groups.map(({ name, images }, i) => ({ name, images, ...(chartSizes[i] as ContentSize) })),
  };
}

/** Something with manifests of its own. */
interface Owner {
  readonly roots: readonly Digest[];
}

function sizesOf(
  owners: readonly Owner[],
  membersOf: (root: Digest) => readonly Digest[],
  sizeOf: (digest: Digest) => number,
): ContentSize[] {
  // The only owner of each digest; undefined if there are several.
  const ownerOf = new Map<Digest, number | undefined>();
  const contents = owners.map(({ roots }, index) => {
    const content = new Set(roots.flatMap(membersOf));
    for (const digest of content) ownerOf.set(digest, ownerOf.has(digest) ? undefined : index);
    let bytes = 0;
    for (const digest of content) bytes += sizeOf(digest);
    return bytes;
  });
  const own = owners.map(() => 0);
  for (const [digest, owner] of ownerOf) if (owner !== undefined) own[owner] = (own[owner] as number) + sizeOf(digest);
  return contents.map((bytes, i) => ({ bytes, own: own[i] as number }));
}

/** Returns the charts with their archives and images, in the order of the bundle; then manifests, and images without either. */
function chartGroups(
  bundle: Pick<Bundle, 'images' | 'charts' | 'inventory'>,
): (Owner & { readonly name: string; readonly images: number })[] {
  const found = new Map(bundle.inventory()?.images.map((image) => [image.reference, image.found]));
  const archives = new Map<string, Set<Digest>>();
  const images = new Map<string, Set<Digest>>();
  const add = (map: Map<string, Set<Digest>>, name: string, digest: Digest): void => {
    map.set(name, (map.get(name) ?? new Set()).add(digest));
  };
  for (const { name, descriptor } of bundle.charts()) add(archives, name, descriptor.digest);
  for (const { reference, descriptor } of bundle.images()) {
    const names = new Set(found.get(formatReference(reference))?.map(({ chart }) => chart));
    for (const name of names.size === 0 ? [''] : names) add(images, name, descriptor.digest);
  }
  const names = new Set([
    ...archives.keys(),
    ...[...images.keys()].filter((name) => name !== '').sort(),
    ...images.keys(),
  ]);
  return [...names].map((name) => {
    const [own, needed] = [archives.get(name) ?? [], images.get(name) ?? new Set<Digest>()];
    return { name, images: needed.size, roots: [...own, ...needed] };
  });
}
