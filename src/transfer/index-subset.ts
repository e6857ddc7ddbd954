import { AirgapError } from '../base/errors.ts';
import type { ManifestContent } from '../oci/content.ts';
import { type Descriptor, isIndexType } from '../oci/descriptor.ts';
import { digestOf } from '../oci/digest.ts';
import { parseManifest } from '../oci/manifest.ts';
import { formatPlatform, isAttestationPlatform, matchesPlatform, type Platform } from '../oci/platform.ts';

/** Selection of the children of an index. */
export interface IndexSelection {
  /** Platforms to keep; empty: all. */
  readonly platforms: readonly Platform[];
  /** Handling of attestations: kept together with their images, or dropped. */
  readonly attestations: 'keep' | 'drop';
}

/** Selection for references that are pinned by digest. */
export const WHOLE_INDEX: IndexSelection = { platforms: [], attestations: 'keep' };

/**
 * BuildKit's annotation for the digest of the attested image (github.com/moby/buildkit,
 * docs/attestations/attestation-storage.md).
 */
const ATTESTED_DIGEST = 'vnd.docker.reference.digest';

/**
 * Returns positions of the index children to keep; empty if none matches. A child without a platform is kept, because
 * it may be needed. An attestation is kept with its image. An index whose children are all kept keeps its digest.
 */
export function selectChildren(
  children: readonly Descriptor[],
  { platforms, attestations }: IndexSelection,
): readonly number[] {
  const isSelected = ({ platform }: Descriptor): boolean =>
    platforms.length === 0 ||
    platform === undefined ||
    platforms.some((selected) => matchesPlatform(platform, selected));
  const images = children.filter(({ platform }) => !isAttestationPlatform(platform));
  const kept = new Set(images.filter(isSelected));
  const isWhole = kept.size === images.length;
  const digests = new Set<string>([...kept].map(({ digest }) => digest));
  const isKept = (child: Descriptor): boolean => {
    if (!isAttestationPlatform(child.platform)) return kept.has(child);
    if (images.length === 0) return true;
    return attestations === 'keep' && (isWhole || digests.has(child.annotations?.[ATTESTED_DIGEST] ?? ''));
  };
  return [...children.keys()].filter((index) => isKept(children[index] as Descriptor));
}

/** Returns the error for an index without a matching child. It lists the available platforms. */
export function noMatchingPlatform(children: readonly Descriptor[], platforms: readonly Platform[]): AirgapError {
  const images = children.filter(({ platform }) => !isAttestationPlatform(platform));
  const available = new Set(
    images.map(({ platform }) => (platform === undefined ? 'unknown platforms' : formatPlatform(platform))),
  );
  return new AirgapError(
    'image-not-found',
    `no image for ${platforms.map(formatPlatform).join(', ')}; available: ${[...available].sort().join(', ')}`,
    { hint: 'select one of these with --platform, or pin the image by digest to keep all platforms' },
  );
}

/**
 * Returns the index reduced to the kept children. All other fields stay, in their order; equal input gives equal bytes.
 * @param replaced descriptors of nested indexes that were reduced, by position
 */
export function subsetIndex(
  source: ManifestContent,
  kept: readonly number[],
  replaced: ReadonlyMap<number, Descriptor>,
): ManifestContent {
  const json = JSON.parse(Buffer.from(source.bytes).toString('utf8')) as { manifests: Record<string, unknown>[] };
  const manifests = kept.map((index) => {
    const smaller = replaced.get(index);
    return smaller === undefined
      ? json.manifests[index]
      : { ...json.manifests[index], digest: smaller.digest, size: smaller.size };
  });
  const bytes = Buffer.from(JSON.stringify({ ...json, manifests }));
  return { bytes, descriptor: { ...source.descriptor, digest: digestOf(bytes), size: bytes.length } };
}

/**
 * Reports whether an index is a platform subset of another: some of its children, in their order, with all fields
 * unchanged.
 * @param isDerived returns the same for a child index that has another digest
 */
export async function isSubset(
  subset: ManifestContent,
  source: ManifestContent,
  isDerived: (subset: Descriptor, source: Descriptor) => Promise<boolean>,
): Promise<boolean> {
  const [children, allChildren] = [subset, source].map(
    ({ descriptor, bytes }) => parseManifest(descriptor.mediaType, bytes).manifests,
  );
  const kept: number[] = [];
  const replaced = new Map<number, Descriptor>();
  let index = 0;
  for (const child of children ?? []) {
    for (; ; index++) {
      const original = allChildren?.[index];
      if (original === undefined) return false;
      const isSame = original.digest === child.digest;
      // Compares all fields, so that a child cannot be listed for a platform other than the original one.
      const expected = isSame ? original : { ...original, digest: child.digest, size: child.size };
      if (JSON.stringify(expected) !== JSON.stringify(child)) continue;
      if (!isSame && !(isIndexType(original.mediaType) && (await isDerived(child, original)))) continue;
      if (!isSame) replaced.set(index, child);
      break;
    }
    kept.push(index++);
  }
  return subsetIndex(source, kept, replaced).descriptor.digest === subset.descriptor.digest;
}
