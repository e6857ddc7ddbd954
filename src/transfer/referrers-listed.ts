import { AirgapError } from '../base/errors.ts';
import type { Sink } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import type { Repository } from '../oci/reference.ts';
import type { AskedSource } from './pinned.ts';
import { readReferrersTag } from './referrers-tag.ts';

/**
 * Who in a registry says what belongs to a manifest: the registry itself, a list under the manifest's tag, or cosign's tag.
 * `unlisted`: nobody does, and its own manifest alone names its subject.
 */
export const TIES = ['referrers-api', 'fallback-tag', 'cosign-tag', 'unlisted'] as const;
export type Tie = (typeof TIES)[number];

/**
 * What a registry says belongs to a manifest: by its referrers API, or, where it has none, by the list under the manifest's
 * tag (distribution specification 1.1, "Referrers Tag Schema"). Nothing when there is no list.
 * @throws AirgapError what the registry fails of
 */
export async function listedReferrers(
  registry: Pick<Sink, 'hasManifest'> & Pick<AskedSource, 'manifest' | 'referrers'>,
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

/** Who may not ask the API may read the tag. */
function isDenied(error: unknown): boolean {
  return error instanceof AirgapError && (error.code === 'unauthorized' || error.code === 'forbidden');
}

/** What the list under a manifest's tag has, whatever the referrers API says. */
export async function taggedReferrers(
  registry: Pick<Sink, 'hasManifest'> & Pick<AskedSource, 'manifest'>,
  repository: Repository,
  subject: Digest,
): Promise<ReadonlySet<Digest>> {
  const tag = await readReferrersTag(registry, repository, subject);
  return new Set(tag?.entries?.map(({ digest }) => digest));
}
