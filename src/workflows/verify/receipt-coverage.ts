import { openCheckedBundle } from '../../bundle/open.ts';
import { formatReference } from '../../oci/reference.ts';
import { type Referrer, referrerKind } from '../../oci/referrer.ts';
import type { SigningKey } from '../../oci/signing-key.ts';
import type { Receipt } from '../push/receipt.ts';

/**
 * Returns messages about content of a bundle that a receipt does not list. Items with the status `kept` or `refused`
 * are listed.
 * @throws AirgapError `bundle-invalid`, `signature`, `file`
 */
export async function missingFromReceipt(
  receipt: Receipt,
  file: string,
  signer: SigningKey['publicKey'] | undefined,
): Promise<string[]> {
  const bundle = await openCheckedBundle(file, { signer });
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
