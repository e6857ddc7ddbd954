import { AirgapError, combine } from '../../base/errors.ts';
import { settle } from '../../base/pool.ts';
import type { Sink } from '../../oci/content.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatRepository, type Repository } from '../../oci/reference.ts';
import { type Referrer, referrerKind } from '../../oci/referrer.ts';
import { throwIfAborted } from '../wrap-error.ts';

/** Referrers of one manifest in the target. */
export interface ReferrerGroup {
  readonly repository: Repository;
  readonly subject: Digest;
  /** Attached by cosign's tags. */
  readonly tagged: readonly Referrer[];
  /** Listed by the referrers API or under the referrers tag. */
  readonly listed: readonly Referrer[];
}

/** Groups referrers by target manifest, without duplicates: several source repositories may map to one target. */
export function groupReferrers(
  referrers: readonly Referrer[],
  target: (repository: Repository) => Repository,
): readonly ReferrerGroup[] {
  const groups = new Map<string, { repository: Repository; subject: Digest; byKey: Map<string, Referrer> }>();
  for (const referrer of referrers) {
    const { subject, descriptor, tag = '' } = referrer;
    const { registry, path } = target(referrer.repository);
    const name = `${formatRepository({ registry, path })}@${subject}`;
    const group = groups.get(name) ?? { repository: { registry, path }, subject, byKey: new Map() };
    groups.set(name, group);
    group.byKey.set(`${tag} ${descriptor.digest}`, referrer);
  }
  return [...groups.values()].map(({ repository, subject, byKey }) => {
    const all = [...byKey.values()];
    const tagged = all.filter(({ tag }) => tag !== undefined);
    return { repository, subject, tagged, listed: all.filter(({ tag }) => tag === undefined) };
  });
}

/** Returns the subject that errors name for the referrers of a manifest in the target. */
export function referrersSubject(repository: Repository, subject: Digest): string {
  return `referrers of ${formatRepository(repository)}@${subject}`;
}

/** Returns `REGISTRY/PATH:TAG` for a cosign tag. */
export function cosignTagName(repository: Repository, { tag = '' }: Pick<Referrer, 'tag'>): string {
  return `${formatRepository(repository)}:${tag}`;
}

/** Returns the error for a cosign tag that has another digest in the target. */
export function signatureConflict(repository: Repository, found: Digest, referrer: Referrer): AirgapError {
  const name = cosignTagName(repository, referrer);
  const message = `${name} has digest ${found}; the ${referrerKind(referrer)} in the bundle has ${referrer.descriptor.digest}`;
  return new AirgapError('tag-conflict', message, {
    hint: 'the image was signed in the target or signed again at the source: use --on-existing-tag overwrite to push the one in the bundle, or skip to keep the existing one',
  });
}

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
  {
    target,
    concurrency,
    signal,
  }: {
    readonly target: (repository: Repository) => Repository;
    readonly concurrency: number;
    readonly signal?: AbortSignal;
  },
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
