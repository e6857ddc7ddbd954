import { type AirgapError, asAirgapError, combine, messageOf } from '../../base/errors.ts';
import { type Emit, ignoreEvents } from '../../base/events.ts';
import { type Outcome, settle } from '../../base/pool.ts';
import { printableLine } from '../../base/printable.ts';
import { runStep } from '../../base/step.ts';
import { type OpenOptions, openCheckedBundle } from '../../bundle/open.ts';
import type { RequiredSigner } from '../../bundle/signing/check-signature.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatReference, parseReference, type Repository, tryParseRepository } from '../../oci/reference.ts';
import { type Referrer, referrerKind } from '../../oci/referrer.ts';
import type { RegistryClient } from '../../registry/client.ts';
import { connect, type RegistryUse } from '../../session/connect.ts';
import type { Context } from '../../session/context.ts';
import { listedReferrers, taggedReferrers } from '../../transfer/referrers/listing.ts';
import { throwIfAborted } from '../../transfer/wrap-error.ts';
import type { Receipt } from '../push/read-receipt.ts';

export interface ReceiptOptions extends RegistryUse, Pick<OpenOptions, 'signers'> {
  /** Bundle whose content must be in the receipt. */
  readonly bundle?: string;
}

/** Difference between a receipt and the registry. */
export interface ReceiptDifference {
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
  readonly differences: readonly ReceiptDifference[];
  /** Messages about content of the bundle that the receipt does not list; only if a bundle was given. */
  readonly missing?: readonly string[];
}

type WrittenReferrer = Receipt['referrers'][number];
type Found = Pick<ReceiptDifference, 'found' | 'unlisted'>;

/**
 * Checks every tag and referrer of a receipt in the registry, and whether it still lists the referrers. With a bundle,
 * first checks that the receipt covers it; content of the bundle is not read.
 * @throws AirgapError `bundle-invalid`, `signature`, `file` of the bundle; `interrupted`; errors of the requests if
 *   they are the only differences, because the check has no result then
 */
export async function verifyReceipt(
  context: Context,
  receipt: Receipt,
  { access, concurrency, bundle, signers }: ReceiptOptions,
): Promise<ReceiptCheck> {
  const { target, finished, items, referrers: written } = receipt;
  const coverage =
    bundle === undefined ? {} : { missing: await missingFromReceipt(receipt, bundle, signers, context.emit) };
  const { client } = connect(context, access);
  const referrers = written.filter(({ status }) => status !== 'refused');
  const errors: AirgapError[] = [];
  const findDifferences = async <T>(
    title: string,
    all: readonly T[],
    find: (entry: T) => Promise<Found>,
    describe: (entry: T) => Pick<ReceiptDifference, 'target' | 'digest'>,
  ): Promise<ReceiptDifference[]> => {
    const check = async (entry: T): Promise<Found> => {
      throwIfAborted(context.signal);
      return find(entry);
    };
    const answers = await runStep(
      context.emit,
      `${title} ${printableLine(target)}`,
      (advance) => settle(all, concurrency, (entry) => check(entry).finally(advance)),
      all.length,
    );
    errors.push(...answers.flatMap((answer) => ('value' in answer ? [] : [asAirgapError(answer.error)])));
    return answers.flatMap((answer, index) => differenceOf(describe(all[index] as T), answer));
  };
  try {
    const tagDifferences = await findDifferences(
      'checking tags in',
      items,
      async (item) => {
        const { tag = '', ...repository } = parseReference(item.target);
        return foundOf(await client.hasManifest(repository, tag));
      },
      (item) => ({ target: item.target, digest: item.digest }),
    );
    const lists = new Map<string, Promise<ReadonlySet<Digest>>>();
    const referrerDifferences = await findDifferences(
      'checking signatures and attestations in',
      referrers,
      (referrer) => findReferrer(client, referrer, lists),
      ({ repository, tag, digest }) => ({
        target: tag === undefined ? `${repository}@${digest}` : `${repository}:${tag}`,
        digest,
      }),
    );
    throwIfAborted(context.signal);
    const found = tagDifferences.length + referrerDifferences.length + (coverage.missing?.length ?? 0);
    if (errors.length > 0 && errors.length === found) {
      const checked = items.length + referrers.length;
      throw combine(errors, `${errors.length} of ${checked} entries of the receipt could not be checked`);
    }
    return {
      target,
      finished,
      items: items.length,
      referrers: referrers.length,
      refused: written.length - referrers.length,
      differences: [...tagDifferences, ...referrerDifferences],
      ...coverage,
    };
  } finally {
    await client.close();
  }
}

/** Reads a referrer and checks that the registry lists it. Each list is requested once. */
async function findReferrer(
  client: RegistryClient,
  { repository: name, subject, digest, tag, via }: WrittenReferrer,
  lists: Map<string, Promise<ReadonlySet<Digest>>>,
): Promise<Found> {
  // The schema ensures that it is a repository.
  const repository = tryParseRepository(name) as Repository;
  const found = foundOf(await client.hasManifest(repository, tag ?? digest));
  if (tag !== undefined || via === 'unlisted' || found.found !== digest) return found;
  const key = `${name}@${subject}`;
  const listed = lists.get(key) ?? listedReferrers(client, repository, subject as Digest);
  lists.set(key, listed);
  if ((await listed).has(digest as Digest)) return found;
  // Some referrers APIs do not list what was pushed.
  const tagged = via === 'fallback-tag' ? await taggedReferrers(client, repository, subject as Digest) : undefined;
  return tagged?.has(digest as Digest) ? found : { ...found, unlisted: subject };
}

function differenceOf(
  entry: Pick<ReceiptDifference, 'target' | 'digest'>,
  answer: Outcome<Found>,
): readonly ReceiptDifference[] {
  if (!('value' in answer)) return [{ ...entry, error: messageOf(answer.error) }];
  const { found, unlisted } = answer.value;
  if (found === entry.digest && unlisted === undefined) return [];
  return [{ ...entry, ...answer.value }];
}

function foundOf(found: Digest | undefined): Found {
  return found === undefined ? {} : { found };
}

/**
 * Returns messages about content of a bundle that a receipt does not list. Items with the status `kept` or `refused`
 * are listed.
 * @throws AirgapError `bundle-invalid`, `signature`, `file`
 */
export async function missingFromReceipt(
  receipt: Receipt,
  file: string,
  signers: readonly RequiredSigner[] = [],
  emit: Emit = ignoreEvents,
): Promise<string[]> {
  const bundle = await openCheckedBundle(file, { signers, emit });
  try {
    const { inventoryDigest } = bundle;
    const isOtherBundle =
      inventoryDigest !== undefined && receipt.bundles.every(({ lock }) => lock !== inventoryDigest);
    const items = new Map(receipt.items.map((item) => [item.source, item]));
    const roots = [...bundle.images(), ...bundle.charts()].flatMap(({ reference, descriptor: { digest } }) => {
      const name = formatReference(reference);
      const item = items.get(name);
      if (item === undefined) return [`${name} is not in the receipt`];
      return item.digest === digest || item.status === 'kept'
        ? []
        : [`${name} has digest ${digest} in the bundle and ${item.digest} in the receipt`];
    });
    // Older receipts do not list referrers.
    const hasNoReferrers = receipt.counts === undefined && receipt.referrers.length === 0;
    const missing = hasNoReferrers ? [] : bundle.referrers().filter((referrer) => !isListed(receipt, referrer));
    return [
      ...(isOtherBundle
        ? [`the receipt is for another bundle: none in it has the inventory digest ${inventoryDigest}`]
        : []),
      ...roots,
      ...missing.map(
        (referrer) =>
          `${referrer.descriptor.digest} (${referrerKind(referrer)} of ${referrer.subject}) is not in the receipt`,
      ),
    ];
  } finally {
    await bundle.close();
  }
}

function isListed({ referrers }: Receipt, { subject, descriptor, tag }: Referrer): boolean {
  return referrers.some(
    (entry) =>
      entry.subject === subject && entry.tag === tag && (entry.digest === descriptor.digest || entry.status === 'kept'),
  );
}
