import type { EcrState, StoredRepository } from './state.ts';

/** Images of a repository in pages: tagged and untagged, children of indexes and referrers too. Text: an invalid parameter. */
export function describeImages(
  state: EcrState,
  { name, manifests, tags }: StoredRepository,
  input: Record<string, unknown>,
): object | string {
  const size = Number(input.maxResults ?? 100);
  if (size < 1 || size > 1000) return 'maxResults is 1 to 1000';
  const start = Number(input.nextToken ?? 0);
  const end = start + Math.min(size, state.pageSize);
  const all = [...manifests];
  return {
    imageDetails: all.slice(start, end).map(([imageDigest, { mediaType, bytes, pushedAt }]) => {
      const imageTags = [...tags].flatMap(([tag, digest]) => (digest === imageDigest ? [tag] : []));
      return {
        registryId: state.account,
        repositoryName: name,
        imageDigest,
        ...(imageTags.length > 0 && { imageTags }),
        imageSizeInBytes: bytes.length,
        imagePushedAt: pushedAt.getTime() / 1000,
        imageManifestMediaType: mediaType,
        imageStatus: 'ACTIVE',
      };
    }),
    nextToken: end < all.length ? String(end) : undefined,
  };
}

interface ImageId {
  readonly imageDigest?: string;
  readonly imageTag?: string;
}

/**
 * Deletes images by digest with all their tags, and tags; an image goes with its last tag. What an index has is refused, also if
 * the index is in the same request (API reference, ImageFailure: ImageReferencedByManifestList).
 */
export function batchDelete(
  _: EcrState,
  repository: StoredRepository,
  input: Record<string, unknown>,
): object | string {
  const imageIds = input.imageIds as ImageId[];
  if (imageIds.length < 1 || imageIds.length > 100) return 'imageIds takes 1 to 100 images';
  const { manifests, tags } = repository;
  const referenced = new Set(
    [...manifests.values()].flatMap(({ json }) => (json.manifests ?? []).map(({ digest }) => digest)),
  );
  const failures: object[] = [];
  const fail = (imageId: ImageId, failureCode: string, failureReason: string): void =>
    void failures.push({ imageId, failureCode, failureReason });
  const deleted: ImageId[] = [];
  for (const imageId of imageIds) {
    const { imageDigest, imageTag = '' } = imageId;
    const digest = imageDigest ?? tags.get(imageTag) ?? '';
    if (!manifests.has(digest)) {
      fail(imageId, 'ImageNotFound', 'Requested image not found');
      continue;
    }
    const own = [...tags].filter(([, one]) => one === digest).map(([tag]) => tag);
    const isTagOnly = imageDigest === undefined && own.length > 1;
    if (!isTagOnly && referenced.has(digest)) {
      fail(imageId, 'ImageReferencedByManifestList', 'Requested image referenced by manifest list');
      continue;
    }
    for (const tag of isTagOnly ? [imageTag] : own) tags.delete(tag);
    if (!isTagOnly) manifests.delete(digest);
    deleted.push({ imageDigest: digest, ...(imageTag !== '' && { imageTag }) });
  }
  return { imageIds: deleted, failures };
}
