import { AirgapError } from '../base/errors.ts';
import type { Sink } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import type { Repository } from '../oci/reference.ts';
import type { RegistrySource } from './pinned-source.ts';
import { readReferrersTag } from './referrers-tag.ts';

/**
 * Ways in which a registry associates a referrer with its subject: referrers API, referrers tag, or cosign's tag.
 * `unlisted`: only the `subject` field of the referrer itself does.
 */
export const LISTING_METHODS = ['referrers-api', 'fallback-tag', 'cosign-tag', 'unlisted'] as const;
export type ListingMethod = (typeof LISTING_METHODS)[number];

/**
 * Returns digests of the referrers that a registry lists for a manifest: by its referrers API, or by the referrers tag
 * if it has none (distribution specification 1.1, "Referrers Tag Schema"). Empty if there is no list.
 * @throws AirgapError of the requests
 */
export async function listedReferrers(
  registry: Pick<Sink, 'hasManifest'> & Pick<RegistrySource, 'manifest' | 'referrers'>,
  repository: Repository,
  subject: Digest,
): Promise<ReadonlySet<Digest>> {
  const listed = await registry.referrers(repository, subject).catch((error: unknown) => {
    if (isDenied(error)) return undefined;
    throw error;
  });
  if (listed !== undefined) return new Set(listed.map(({ digest }) => digest));
  return taggedReferrers(registry, repository, subject);
}

/** Reports whether access was denied. The referrers tag may be readable even so. */
function isDenied(error: unknown): boolean {
  return error instanceof AirgapError && (error.code === 'unauthorized' || error.code === 'forbidden');
}

/** Returns digests listed under the referrers tag of a manifest, without using the referrers API. */
export async function taggedReferrers(
  registry: Pick<Sink, 'hasManifest'> & Pick<RegistrySource, 'manifest'>,
  repository: Repository,
  subject: Digest,
): Promise<ReadonlySet<Digest>> {
  const tag = await readReferrersTag(registry, repository, subject);
  return new Set(tag?.entries?.map(({ digest }) => digest));
}
