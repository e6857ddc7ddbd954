import { combine } from '../base/errors.ts';
import { settle } from '../base/pool.ts';
import type { Sink } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import type { Referrer } from '../oci/referrer.ts';
import { checkAborted } from './failure.ts';
import { cosignTagName, groupReferrers, otherSignature } from './referrer-groups.ts';
import type { ReferrersPushOptions } from './referrers-push.ts';

/** Digests of tags in the target, by `REGISTRY/PATH:TAG`. */
export type SeenTags = ReadonlyMap<string, Digest>;

/**
 * Checks cosign's tags of the referrers to push, before anything is pushed.
 * @returns the tags that exist, so that they need no second request
 * @throws AirgapError `tag-conflict` naming each tag that has another digest; `interrupted`
 */
export async function refuseOtherSignatures(
  referrers: readonly Referrer[],
  sink: Pick<Sink, 'hasManifest'>,
  { target, concurrency, signal }: Pick<ReferrersPushOptions, 'target' | 'concurrency' | 'signal'>,
): Promise<SeenTags> {
  const all = groupReferrers(referrers, target).flatMap(({ repository, tagged }) =>
    tagged.map((referrer) => ({ repository, referrer })),
  );
  const answers = await settle(all, concurrency, ({ repository, referrer }) => {
    checkAborted(signal);
    return sink.hasManifest(repository, referrer.tag ?? '');
  });
  checkAborted(signal);
  const seen = new Map<string, Digest>();
  const conflicts = answers.flatMap((answer, at) => {
    const { repository, referrer } = all[at] as (typeof all)[number];
    // A failed request is repeated, and reported, when the referrer is pushed.
    if (!('value' in answer) || answer.value === undefined) return [];
    seen.set(cosignTagName(repository, referrer), answer.value);
    if (answer.value === referrer.descriptor.digest) return [];
    return [otherSignature(repository, answer.value, referrer)];
  });
  if (conflicts.length > 0)
    throw combine(conflicts, `${conflicts.length} signatures exist in the target with different content`);
  return seen;
}
