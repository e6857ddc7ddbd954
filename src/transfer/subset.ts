import { AirgapError } from '../base/errors.ts';
import type { ManifestContent } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { digestOf } from '../oci/digest.ts';
import { formatPlatform, isAttestation, matchesPlatform, type Platform } from '../oci/platform.ts';

/**
 * Positions of an index's children to keep for the wanted platforms; none when nothing fits. A child without a platform
 * stays: what it is for is not known, and too much is better than too little. Attestations go, unless nothing else does:
 * an index of which all images are wanted keeps its digest.
 */
export function choose(children: readonly Descriptor[], platforms: readonly Platform[]): readonly number[] {
  const all = [...children.keys()];
  const wanted = (child: Descriptor): boolean =>
    child.platform === undefined || platforms.some((want) => matchesPlatform(child.platform as Platform, want));
  const images = all.filter((at) => !isAttestation(children[at]?.platform));
  const kept = images.filter((at) => wanted(children[at] as Descriptor));
  return kept.length === images.length ? all : kept;
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
