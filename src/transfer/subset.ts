import { AirgapError } from '../base/errors.ts';
import type { ManifestContent } from '../oci/content.ts';
import { type Descriptor, isIndexType } from '../oci/descriptor.ts';
import { digestOf } from '../oci/digest.ts';
import { readLinks } from '../oci/manifest.ts';
import { formatPlatform, isAttestation, matchesPlatform, type Platform } from '../oci/platform.ts';

/** Selection of the children of an index. */
export interface Choice {
  /** Platforms to keep; empty: all. */
  readonly platforms: readonly Platform[];
  /** Handling of attestations: kept together with their images, or dropped. */
  readonly attestations: 'keep' | 'drop';
}

/** Selection for references that are pinned by digest. */
export const EVERYTHING: Choice = { platforms: [], attestations: 'keep' };

/**
 * BuildKit's annotation for the digest of the attested image (github.com/moby/buildkit,
 * docs/attestations/attestation-storage.md).
 */
const ATTESTED = 'vnd.docker.reference.digest';

/**
 * Returns positions of the index children to keep; empty if none matches. A child without a platform is kept, because
 * it may be needed. An attestation is kept with its image. An index whose children are all kept keeps its digest.
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

/** Returns the error for an index without a matching child. It lists the available platforms. */
export function nothingFits(children: readonly Descriptor[], platforms: readonly Platform[]): AirgapError {
  const images = children.filter(({ platform }) => !isAttestation(platform));
  const there = new Set(
    images.map(({ platform }) => (platform === undefined ? 'unknown platforms' : formatPlatform(platform))),
  );
  return new AirgapError(
    'image-not-found',
    `no image for ${platforms.map(formatPlatform).join(', ')}; available: ${[...there].sort().join(', ')}`,
    { hint: 'select one of these with --platform, or pin the image by digest to keep all platforms' },
  );
}

/**
 * Returns the index reduced to the kept children. All other fields stay, in their order; equal input gives equal bytes.
 * @param replaced descriptors of nested indexes that were reduced, by position
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
 * Returns whether an index is a platform subset of another: some of its children, in their order, with all fields
 * unchanged.
 * @param isDerived returns the same for a child index that has another digest
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
      // Compares all fields, so that a child cannot be listed for a platform other than the original one.
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
