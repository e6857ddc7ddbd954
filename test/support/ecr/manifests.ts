import { digestOf } from '../digest.ts';
import { json, refusal } from './answers.ts';
import type { Answer, ManifestJson, StoredRepository } from './state.ts';

/** HEAD and GET of a manifest by tag or digest. */
export function getManifest(repository: StoredRepository, reference: string): Answer {
  const digest = repository.tags.get(reference) ?? reference;
  const manifest = repository.manifests.get(digest);
  if (manifest === undefined) {
    return refusal(404, 'MANIFEST_UNKNOWN', 'Requested image not found');
  }
  return {
    status: 200,
    headers: { 'content-type': manifest.mediaType, 'docker-content-digest': digest },
    body: manifest.bytes,
  };
}

/** Largest `imageManifest` of PutImage, in bytes. */
const LIMIT = 4_194_304;

/** PUT of a manifest: its blobs and children have to exist, media types have no parameters, immutable tags are kept. */
export function putManifest(repository: StoredRepository, reference: string, mediaType: string, bytes: Buffer): Answer {
  let manifest: ManifestJson;
  try {
    manifest = JSON.parse(bytes.toString('utf8')) as ManifestJson;
  } catch {
    return refused();
  }
  if (bytes.length > LIMIT || !isPlain(mediaType, manifest)) return refused();
  const digest = digestOf(bytes);
  const byDigest = reference.includes(':');
  if (byDigest && reference !== digest) return refusal(400, 'DIGEST_INVALID', `the digest is ${digest}`);
  const missing = missingParts(repository, manifest);
  if (missing !== undefined) return refusal(404, 'MANIFEST_BLOB_UNKNOWN', missing);
  if (!byDigest) {
    // Even if the tag already has this digest (containers-roadmap#2179).
    if (repository.tags.has(reference) && isImmutable(repository, reference)) {
      return refusal(
        400,
        'TAG_INVALID',
        `The image tag '${reference}' already exists in the '${repository.name}' repository and cannot be overwritten because the repository is immutable.`,
      );
    }
    repository.tags.set(reference, digest);
  }
  const { pushedAt = new Date() } = repository.manifests.get(digest) ?? {};
  repository.manifests.set(digest, { mediaType, bytes, json: manifest, pushedAt });
  return {
    status: 201,
    headers: {
      location: `/v2/${repository.name}/manifests/${digest}`,
      'docker-content-digest': digest,
      ...(manifest.subject && { 'oci-subject': manifest.subject.digest }),
    },
  };
}

/** Parameters in a media type (containers-roadmap#2306) and annotations on the config (#308) are refused. */
function isPlain(mediaType: string, manifest: ManifestJson): boolean {
  const { config, layers = [], manifests = [], artifactType } = manifest;
  const named = [
    mediaType,
    artifactType,
    ...[config, ...layers, ...manifests].flatMap((d) => [d?.mediaType, d?.artifactType]),
  ];
  return config?.annotations === undefined && named.every((type) => type === undefined || !type.includes(';'));
}

function missingParts(
  repository: StoredRepository,
  { config, layers = [], manifests = [] }: ManifestJson,
): string | undefined {
  const images = manifests.filter(({ digest }) => !repository.manifests.has(digest));
  const blobs = [config, ...layers].filter((blob) => blob !== undefined && !repository.blobs.has(blob.digest));
  const [what, absent] = images.length > 0 ? ['Images', images] : ['Layers', blobs];
  if (absent.length === 0) return undefined;
  const digests = absent.map((descriptor) => descriptor?.digest).join(', ');
  return `${what} with digests '[${digests}]' required for pushing image into repository with name '${repository.name}' do not exist`;
}

function isImmutable({ settings }: StoredRepository, tag: string): boolean {
  const mutability = String(settings.imageTagMutability ?? 'MUTABLE');
  const filters = (settings.imageTagMutabilityExclusionFilters ?? []) as { filter: string }[];
  const excluded = filters.some(({ filter }) =>
    new RegExp(`^${filter.replaceAll('.', '\\.').replaceAll('*', '.*')}$`).test(tag),
  );
  return mutability.startsWith('IMMUTABLE') !== (mutability.endsWith('_WITH_EXCLUSION') && excluded);
}

function refused(): Answer {
  return refusal(
    405,
    'UNSUPPORTED',
    "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'",
  );
}

/** The referrers API of the distribution specification 1.1. */
export function referrers(repository: StoredRepository, digest: string): Answer {
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const manifests = [...repository.manifests]
    .filter(([, { json: manifest }]) => manifest.subject?.digest === digest)
    .map(([own, { mediaType: type, bytes, json: manifest }]) => ({
      mediaType: type,
      digest: own,
      size: bytes.length,
      artifactType: manifest.artifactType ?? manifest.config?.mediaType,
    }));
  const answer = json(200, { schemaVersion: 2, mediaType, manifests });
  return { ...answer, headers: { 'content-type': mediaType } };
}
