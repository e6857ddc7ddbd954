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
  /** Bundle whose content must be in the receipt. */
  readonly bundle?: string;
  /** Public key by which the bundle must be signed. */
  readonly signer?: SigningKey['publicKey'] | undefined;
  readonly access: RegistryAccess;
  readonly concurrency: number;
}

/** Difference between a receipt and the registry. */
export interface Difference {
  /** Reference with tag; with digest for referrers without a tag. */
  readonly target: string;
  readonly digest: string;
  /** Digest in the registry; absent if it does not exist or the request failed. */
  readonly found?: string;
  /** Digest of the subject, if the referrer exists but the registry does not list it. */
  readonly unlisted?: string;
  /** Message of the failed request. */
  readonly error?: string;
}

/** Result of comparing a receipt with the registry. */
export interface ReceiptCheck extends Pick<Receipt, 'target' | 'finished'> {
  /** Number of checked tags. */
  readonly items: number;
  /** Number of checked referrers. */
  readonly referrers: number;
  /** Number of referrers that the registry refused at the time of the push, which are not checked. */
  readonly refused: number;
  readonly differences: readonly Difference[];
  /** Messages about content of the bundle that the receipt does not list; only if a bundle was given. */
  readonly missing?: readonly string[];
}

type WrittenReferrer = Receipt['referrers'][number];
type Found = Pick<Difference, 'found' | 'unlisted'>;

/**
 * Checks every tag and referrer of a receipt in the registry, and whether it still lists the referrers. With a bundle,
 * first checks that the receipt covers it; content of the bundle is not read.
 * @throws AirgapError `bundle-invalid`, `signature`, `file` of the bundle; `interrupted`; errors of the requests if
 *   they are the only differences, because the check has no result then
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
      throw combine(unanswered, `${unanswered.length} of ${asked} entries of the receipt could not be checked`);
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

/** Reads a referrer and whether it is listed. Each list is requested once. */
async function askFor(
  client: RegistryClient,
  { repository: name, subject, digest, tag, via }: WrittenReferrer,
  lists: Map<string, Promise<ReadonlySet<Digest>>>,
): Promise<Found> {
  // The schema ensures that it is a repository.
  const repository = tryParseRepository(name) as Repository;
  const found = foundOf(await client.hasManifest(repository, tag ?? digest));
  if (tag !== undefined || via === 'unlisted' || found.found !== digest) return found;
  const key = `${name}@${subject}`;
  const list = lists.get(key) ?? listedReferrers(client, repository, subject as Digest);
  lists.set(key, list);
  if ((await list).has(digest as Digest)) return found;
  // Some referrers APIs do not list what was pushed.
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
