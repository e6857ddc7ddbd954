import { type AirgapError, combine, messageOf, ours } from '../base/errors.ts';
import { type Outcome, settle } from '../base/pool.ts';
import type { Digest } from '../oci/digest.ts';
import { parseReference, type Repository, tryParseRepository } from '../oci/reference.ts';
import type { SigningKey } from '../oci/signing-key.ts';
import type { RegistryClient } from '../registry/client.ts';
import { checkAborted } from '../transfer/failure.ts';
import { listedReferrers, taggedReferrers } from '../transfer/referrers-listed.ts';
import type { Context } from './context.ts';
import type { Receipt } from './pushing/receipt.ts';
import { missingIn } from './pushing/receipt-coverage.ts';
import { connect, type RegistryAccess } from './registry.ts';

export interface ReceiptOptions {
  /** A bundle all of which has to be in the receipt. */
  readonly bundle?: string;
  /** The public key that has to have signed it. */
  readonly signer?: SigningKey['publicKey'] | undefined;
  readonly access: RegistryAccess;
  readonly concurrency: number;
}

/** Something that is not as the receipt says. */
export interface Difference {
  /** With the tag that was asked for; with the digest, of what is only listed. */
  readonly target: string;
  readonly digest: string;
  /** What stands there now; absent for nothing, or no answer. */
  readonly found?: string;
  /** The manifest that it belonged to: it is there, and the registry no longer says that it belongs to that. */
  readonly unlisted?: string;
  /** Why the registry could not be asked. */
  readonly error?: string;
}

/** What a registry says of a receipt. */
export interface ReceiptCheck extends Pick<Receipt, 'target' | 'finished'> {
  /** How many tags were asked for. */
  readonly items: number;
  /** How many signatures and the like were. */
  readonly referrers: number;
  /** Those that the registry did not take then, and that nothing is asked of. */
  readonly refused: number;
  readonly differences: readonly Difference[];
  /** What the bundle has and the receipt does not list, in words; only where a bundle was given. */
  readonly missing?: readonly string[];
}

type WrittenReferrer = Receipt['referrers'][number];
type Found = Pick<Difference, 'found' | 'unlisted'>;

/**
 * Asks the registry for every tag of a receipt, for what belongs to them, and whether it still says so. With a bundle it
 * looks first whether the receipt lists all of that; the bundle's content is not read.
 * @throws AirgapError `bundle-invalid`, `signature`, `file` of the bundle; `interrupted`; where nothing was found to be
 *   wrong and the registry could not be asked for all: why, since that is neither a yes nor a no
 */
export async function verifyReceipt(
  context: Context,
  receipt: Receipt,
  { access, concurrency, bundle, signer }: ReceiptOptions,
): Promise<ReceiptCheck> {
  const { target, finished, items, referrers: written } = receipt;
  const missing = bundle === undefined ? {} : { missing: await missingIn(receipt, bundle, signer) };
  const { client } = connect(context, access);
  const referrers = written.filter(({ status }) => status !== 'refused');
  const unanswered: AirgapError[] = [];
  const differences = <T>(
    all: readonly T[],
    ask: (one: T) => Promise<Found>,
    describe: (one: T) => Pick<Difference, 'target' | 'digest'>,
  ): Promise<Difference[]> =>
    settle(all, concurrency, (one) => {
      checkAborted(context.signal);
      return ask(one);
    }).then((answers) => {
      unanswered.push(...answers.flatMap((answer) => ('value' in answer ? [] : [ours(answer.error)])));
      return answers.flatMap((answer, at) => differenceOf(describe(all[at] as T), answer));
    });
  try {
    const tags = await differences(
      items,
      async (item) => {
        const { tag = '', ...repository } = parseReference(item.target);
        return foundOf(await client.hasManifest(repository, tag));
      },
      ({ target: name, digest }) => ({ target: name, digest }),
    );
    const lists = new Map<string, Promise<ReadonlySet<Digest>>>();
    const belonging = await differences(
      referrers,
      (referrer) => askFor(client, referrer, lists),
      ({ repository, tag, digest }) => ({
        target: tag === undefined ? `${repository}@${digest}` : `${repository}:${tag}`,
        digest,
      }),
    );
    checkAborted(context.signal);
    const found = tags.length + belonging.length + (missing.missing?.length ?? 0);
    if (unanswered.length > 0 && unanswered.length === found) {
      const asked = items.length + referrers.length;
      throw combine(unanswered, `${unanswered.length} of ${asked} names of the receipt could not be asked for`);
    }
    return {
      target,
      finished,
      items: items.length,
      referrers: referrers.length,
      refused: written.length - referrers.length,
      differences: [...tags, ...belonging],
      ...missing,
    };
  } finally {
    await client.close();
  }
}

/** Each list is asked for once, however much is on it. */
async function askFor(
  client: RegistryClient,
  { repository: name, subject, digest, tag, via }: WrittenReferrer,
  lists: Map<string, Promise<ReadonlySet<Digest>>>,
): Promise<Found> {
  // The schema has made sure that it is one.
  const repository = tryParseRepository(name) as Repository;
  const found = foundOf(await client.hasManifest(repository, tag ?? digest));
  if (tag !== undefined || via === 'unlisted' || found.found !== digest) return found;
  const key = `${name}@${subject}`;
  const list = lists.get(key) ?? listedReferrers(client, repository, subject as Digest);
  lists.set(key, list);
  if ((await list).has(digest as Digest)) return found;
  // The registry may have a referrers API that lists nothing of what it is sent.
  const tagged = via === 'fallback-tag' ? await taggedReferrers(client, repository, subject as Digest) : undefined;
  return tagged?.has(digest as Digest) ? found : { ...found, unlisted: subject };
}

function differenceOf(what: Pick<Difference, 'target' | 'digest'>, answer: Outcome<Found>): readonly Difference[] {
  if (!('value' in answer)) return [{ ...what, error: messageOf(answer.error) }];
  const { found, unlisted } = answer.value;
  if (found === what.digest && unlisted === undefined) return [];
  return [{ ...what, ...answer.value }];
}

function foundOf(found: Digest | undefined): Found {
  return found === undefined ? {} : { found };
}
