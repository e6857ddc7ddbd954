import { AirgapError, combine } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import type { MissingImage } from '../../inventory/missing-list.ts';
import { isIndexType } from '../../oci/descriptor.ts';
import type { Graph, Root } from '../../oci/graph.ts';
import { parseManifest } from '../../oci/manifest.ts';
import {
  formatPlatform,
  isAttestationPlatform,
  matchesPlatform,
  type Platform,
  parsePlatform,
  platformOfConfig,
} from '../../oci/platform.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';
import { platformsOf } from './inventory.ts';

/**
 * Checks that the images of a list have the platforms for which they are bundled.
 * @param wantedOf platforms for which a reference is bundled; empty: all
 * @throws AirgapError `image-not-found` for each image that would take a platform from the target, or that still has no
 *   image for a wanted platform although it is bundled for nothing else
 */
export function checkMissingPlatforms(
  emit: Emit,
  graph: Graph,
  images: readonly MissingImage[],
  wantedOf: (reference: Reference) => readonly Platform[] | undefined,
): void {
  const roots = new Map(graph.roots.map((root) => [formatReference(root.reference), root]));
  const errors: AirgapError[] = [];
  for (const { reference, platformsAtTarget, isWrongPlatform } of images) {
    const root = roots.get(reference);
    if (root === undefined) continue;
    const available = platformsAt(graph, root);
    const isLacking = (platform: Platform): boolean => !available.some((have) => matchesPlatform(have, platform));
    const lost = platformsAtTarget.filter(isLacking).map(formatPlatform);
    const lacking = (wantedOf(root.reference) ?? []).filter(isLacking).map(formatPlatform);
    const has = available.length === 0 ? '' : `; it has ${available.map(formatPlatform).join(', ')}`;
    if (lost.length > 0) {
      errors.push(
        new AirgapError(
          'image-not-found',
          `its source has no image for ${lost.join(', ')}, which the target has${has}`,
          {
            subject: reference,
            hint: `leave it out with --exclude ${reference}, so that the target keeps what it has`,
          },
        ),
      );
    } else if (lacking.length > 0 && isWrongPlatform) {
      errors.push(
        new AirgapError('image-not-found', `its source has no image for ${lacking.join(', ')} either${has}`, {
          subject: reference,
          hint: `leave it out with --exclude ${reference}, and keep its Pods off nodes of that platform`,
        }),
      );
    } else if (lacking.length > 0 && available.length > 0) {
      emit({ type: 'warning', message: `${reference}: its source has no image for ${lacking.join(', ')}${has}` });
    }
  }
  if (errors.length > 0) throw combine(errors, `${errors.length} images lack platforms at their sources`);
}

/** Returns the platforms of a root at its source: those of its index, or that of its config if it has been read. */
function platformsAt(graph: Graph, { descriptor, sources = [] }: Root): Platform[] {
  if (isIndexType(descriptor.mediaType)) {
    const original = sources.flatMap(
      (bytes) => parseManifest(mediaTypeOf(bytes) ?? descriptor.mediaType, bytes).manifests,
    );
    const listed = original.flatMap(({ platform }) => (isAttestationPlatform(platform) ? [] : (platform ?? [])));
    const names = [...listed.map(formatPlatform), ...platformsOf(graph, descriptor.digest)];
    return [...new Set(names)].sort().map(parsePlatform);
  }
  const node = graph.manifests.get(descriptor.digest);
  const { config } = node === undefined ? {} : parseManifest(descriptor.mediaType, node.bytes);
  const bytes = config && graph.blobs.get(config.digest)?.bytes;
  const platform = bytes && platformOfConfig(bytes);
  return platform === undefined ? [] : [platform];
}

/** Returns the media type that an index declares; a nested index may have another than its parent. */
function mediaTypeOf(bytes: Uint8Array): string | undefined {
  return (JSON.parse(Buffer.from(bytes).toString('utf8')) as { mediaType?: string }).mediaType;
}
