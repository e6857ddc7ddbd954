import { AirgapError } from '../base/errors.ts';
import type { Digest } from '../oci/digest.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';
import { type Referrer, referrerKind } from '../oci/referrer.ts';

/** What belongs to one manifest of the target. */
export interface ReferrerGroup {
  readonly repository: Repository;
  readonly subject: Digest;
  /** By cosign's tags. */
  readonly tagged: readonly Referrer[];
  /** By a list, whoever keeps it. */
  readonly listed: readonly Referrer[];
}

/** Puts together what belongs to the same manifest of the target, each once: several repositories may go to one there. */
export function groupReferrers(
  referrers: readonly Referrer[],
  target: (repository: Repository) => Repository,
): readonly ReferrerGroup[] {
  const groups = new Map<string, { repository: Repository; subject: Digest; each: Map<string, Referrer> }>();
  for (const referrer of referrers) {
    const { subject, descriptor, tag = '' } = referrer;
    const { registry, path } = target(referrer.repository);
    const name = `${formatRepository({ registry, path })}@${subject}`;
    const group = groups.get(name) ?? { repository: { registry, path }, subject, each: new Map() };
    groups.set(name, group);
    group.each.set(`${tag} ${descriptor.digest}`, referrer);
  }
  return [...groups.values()].map(({ repository, subject, each }) => {
    const all = [...each.values()];
    const tagged = all.filter(({ tag }) => tag !== undefined);
    return { repository, subject, tagged, listed: all.filter(({ tag }) => tag === undefined) };
  });
}

/** `REGISTRY/PATH:TAG` of one of cosign's tags. */
export function cosignTagName(repository: Repository, { tag = '' }: Pick<Referrer, 'tag'>): string {
  return `${formatRepository(repository)}:${tag}`;
}

/** The error for one of cosign's tags with another digest. */
export function otherSignature(repository: Repository, there: Digest, referrer: Referrer): AirgapError {
  const name = cosignTagName(repository, referrer);
  const message = `${name} is ${there}, and the ${referrerKind(referrer)} in the bundle is ${referrer.descriptor.digest}`;
  return new AirgapError('tag-conflict', message, {
    hint: 'somebody has signed the image there, or signed it again here: --on-existing-tag overwrite takes the bundle’s, skip leaves it',
  });
}
