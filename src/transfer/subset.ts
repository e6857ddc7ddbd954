import { AirgapError } from '../base/errors.ts';
import type { ManifestContent } from '../oci/content.ts';
import { type Descriptor, isIndexType } from '../oci/descriptor.ts';
import { digestOf } from '../oci/digest.ts';
import { readLinks } from '../oci/manifest.ts';
import { formatPlatform, isAttestation, matchesPlatform, type Platform } from '../oci/platform.ts';

/** What is wanted of an index. */
export interface Choice {
  /** Empty: all. */
  readonly platforms: readonly Platform[];
  /** Whether attestations stay with the images that they are of. */
  readonly attestations: 'keep' | 'drop';
}

/** Of a reference that is pinned by digest. */
export const EVERYTHING: Choice = { platforms: [], attestations: 'keep' };

/** BuildKit's: the digest of the image that an attestation is of (github.com/moby/buildkit, docs/attestations/attestation-storage.md). */
const ATTESTED = 'vnd.docker.reference.digest';

/**
 * Positions of an index's children to keep; none when nothing fits. A child without a platform stays: what it is for is
 * not known, and too much is better than too little. An attestation stays with the image that it is of. An index of which
 * everything stays keeps its digest.
 */
export function choose(children: readonly Descriptor[], { platforms, attestations }: Choice): readonly number[] {
  const wanted = ({ platform }: Descriptor): boolean =>
    platforms.length === 0 || platform === undefined || platforms.some((want) => matchesPlatform(platform, want));
  const images = children.filter(({ platform }) => !isAttestation(platform));
  const kept = new Set(images.filter(wanted));
  const isWhole = kept.size === images.length;
  const digests = new Set<string>([...kept].map(({ digest }) => digest));
  const isKept = (child: Descriptor): boolean => {
    if (!isAttestation(child.platform)) return kept.has(child);
    if (images.length === 0) return true;
    return attestations === 'keep' && (isWhole || digests.has(child.annotations?.[ATTESTED] ?? ''));
  };
  return [...children.keys()].filter((at) => isKept(children[at] as Descriptor));
}

/** The error for an index of which nothing fits: it lists what there is. */
export function nothingFits(children: readonly Descriptor[], platforms: readonly Platform[]): AirgapError {
  const images = children.filter(({ platform }) => !isAttestation(platform));
  const there = new Set(
    images.map(({ platform }) => (platform === undefined ? 'unnamed platforms' : formatPlatform(platform))),
  );
  return new AirgapError(
    'image-not-found',
    `there is no image for ${platforms.map(formatPlatform).join(', ')}, only for ${[...there].sort().join(', ')}`,
    { hint: 'choose among these with --platform, or pin the image by digest to keep all' },
  );
}

/**
 * The same index with these children only, `replaced` by others where a nested index became smaller. Every other field
 * stays, in its order; the same choice gives the same bytes.
 */
export function subsetIndex(
  index: ManifestContent,
  kept: readonly number[],
  replaced: ReadonlyMap<number, Descriptor>,
): ManifestContent {
  const json = JSON.parse(Buffer.from(index.bytes).toString('utf8')) as { manifests: Record<string, unknown>[] };
  const manifests = kept.map((at) => {
    const smaller = replaced.get(at);
    return smaller === undefined
      ? json.manifests[at]
      : { ...json.manifests[at], digest: smaller.digest, size: smaller.size };
  });
  const bytes = Buffer.from(JSON.stringify({ ...json, manifests }));
  return { bytes, descriptor: { ...index.descriptor, digest: digestOf(bytes), size: bytes.length } };
}

/**
 * Whether an index is what a choice of platforms makes of another one: some of its children in their order, every field as
 * it is there.
 * @param isMadeOf tells the same of a child that is an index and has another digest
 */
export async function isSubset(
  part: ManifestContent,
  whole: ManifestContent,
  isMadeOf: (part: Descriptor, whole: Descriptor) => Promise<boolean>,
): Promise<boolean> {
  const [children, all] = [part, whole].map(
    ({ descriptor, bytes }) => readLinks(descriptor.mediaType, bytes).manifests,
  );
  const kept: number[] = [];
  const replaced = new Map<number, Descriptor>();
  let at = 0;
  for (const child of children ?? []) {
    for (; ; at++) {
      const own = all?.[at];
      if (own === undefined) return false;
      const isSame = own.digest === child.digest;
      // Else it could be listed for another platform than in the whole one.
      const expected = isSame ? own : { ...own, digest: child.digest, size: child.size };
      if (JSON.stringify(expected) !== JSON.stringify(child)) continue;
      if (!isSame && !(isIndexType(own.mediaType) && (await isMadeOf(child, own)))) continue;
      if (!isSame) replaced.set(at, child);
      break;
    }
    kept.push(at++);
  }
  return subsetIndex(whole, kept, replaced).descriptor.digest === part.descriptor.digest;
}
