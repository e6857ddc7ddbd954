import { combine } from '../base/errors.ts';
import { settle } from '../base/pool.ts';
import type { Sink } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import type { Referrer } from '../oci/referrer.ts';
import { cosignTagName, groupReferrers, signatureConflict } from './referrer-groups.ts';
import type { ReferrersPushOptions } from './referrers-push.ts';
import { throwIfAborted } from './wrap-error.ts';

/** Digests of tags in the target, by `REGISTRY/PATH:TAG`. */
export type KnownTags = ReadonlyMap<string, Digest>;

/**
 * Checks cosign's tags of the referrers to push, before anything is pushed.
 * @returns the tags that exist, so that they need no second request
 * @throws AirgapError `tag-conflict` naming each tag that has another digest; `interrupted`
 */
export async function assertNoSignatureConflicts(
  referrers: readonly Referrer[],
  sink: Pick<Sink, 'hasManifest'>,
  { target, concurrency, signal }: Pick<ReferrersPushOptions, 'target' | 'concurrency' | 'signal'>,
): Promise<KnownTags> {
  const all = groupReferrers(referrers, target).flatMap(({ repository, tagged }) =>
    tagged.map((referrer) => ({ repository, referrer })),
  );
  const answers = await settle(all, concurrency, ({ repository, referrer }) => {
    throwIfAborted(signal);
    return sink.hasManifest(repository, referrer.tag ?? '');
  });
  throwIfAborted(signal);
  const known = new Map<string, Digest>();
  const conflicts = answers.flatMap((answer, index) => {
    const { repository, referrer } = all[index] as (typeof all)[number];
    // A failed request is repeated, and reported, when the referrer is pushed.
    if (!('value' in answer) || answer.value === undefined) return [];
    known.set(cosignTagName(repository, referrer), answer.value);
    if (answer.value === referrer.descriptor.digest) return [];
    return [signatureConflict(repository, answer.value, referrer)];
  });
  if (conflicts.length > 0)
    throw combine(conflicts, `${conflicts.length} signatures exist in the target with different content`);
  return known;
}
