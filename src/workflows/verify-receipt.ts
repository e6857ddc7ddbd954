import { messageOf } from '../base/errors.ts';
import { settle } from '../base/pool.ts';
import { parseReference } from '../oci/reference.ts';
import { checkAborted } from '../transfer/failure.ts';
import type { Context } from './context.ts';
import type { Receipt } from './pushing/receipt.ts';
import { connect, type RegistryAccess } from './registry.ts';

export interface ReceiptOptions {
  readonly access: RegistryAccess;
  readonly concurrency: number;
}

/** Something that is not as the receipt says. */
export interface Difference {
  readonly target: string;
  readonly digest: string;
  /** What stands there now; absent for nothing, or no answer. */
  readonly found?: string;
  /** Why the registry could not be asked. */
  readonly error?: string;
}

/** What a registry says of a receipt. */
export interface ReceiptCheck extends Pick<Receipt, 'target' | 'finished'> {
  /** How many tags were asked for. */
  readonly items: number;
  readonly differences: readonly Difference[];
}

/** Asks the registry for every tag of a receipt. */
export async function verifyReceipt(
  context: Context,
  { target, finished, items }: Receipt,
  { access, concurrency }: ReceiptOptions,
): Promise<ReceiptCheck> {
  const { client } = connect(context, access);
  try {
    const answers = await settle(items, concurrency, (item) => {
      checkAborted(context.signal);
      const { tag = '', ...repository } = parseReference(item.target);
      return client.hasManifest(repository, tag);
    });
    checkAborted(context.signal);
    const differences = answers.flatMap((answer, at): Difference[] => {
      const { target: name, digest } = items[at] as Receipt['items'][number];
      if (!('value' in answer)) return [{ target: name, digest, error: messageOf(answer.error) }];
      if (answer.value === digest) return [];
      return [{ target: name, digest, ...(answer.value === undefined ? {} : { found: answer.value }) }];
    });
    return { target, finished, items: items.length, differences };
  } finally {
    await client.close();
  }
}
