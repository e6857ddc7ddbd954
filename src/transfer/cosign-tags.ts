import { combine } from '../base/errors.ts';
import { settle } from '../base/pool.ts';
import type { Sink } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import type { Referrer } from '../oci/referrer.ts';
import { checkAborted } from './failure.ts';
import { cosignTagName, groupReferrers, otherSignature } from './referrer-groups.ts';
import type { ReferrersPushOptions } from './referrers-push.ts';

/** Tags that were seen with what they stand for, by `REGISTRY/PATH:TAG`. */
export type SeenTags = ReadonlyMap<string, Digest>;

/**
 * Asks for cosign's tags of what is going to be pushed, before anything is.
 * @returns those that are there, and need no second question
 * @throws AirgapError `tag-conflict` that names each with another digest; `interrupted`
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
    // Who asks later is told why there was no answer.
    if (!('value' in answer) || answer.value === undefined) return [];
    seen.set(cosignTagName(repository, referrer), answer.value);
    if (answer.value === referrer.descriptor.digest) return [];
    return [otherSignature(repository, answer.value, referrer)];
  });
  if (conflicts.length > 0) throw combine(conflicts, `${conflicts.length} signatures are there with other content`);
  return seen;
}
