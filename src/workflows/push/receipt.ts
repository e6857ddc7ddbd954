import { basename } from 'node:path';
import type { Bundle } from '../../bundle/reading/bundle.ts';
import { formatReference, formatRepository } from '../../oci/reference.ts';
import { referrerKind } from '../../oci/referrer.ts';
import type { CopyOutcome } from '../../transfer/copy.ts';
import type { ReferrerOutcome } from '../../transfer/referrers/push.ts';
import type { Receipt } from './read-receipt.ts';

export interface ReceiptInput {
  readonly target: string;
  readonly naming: string;
  readonly bundles: readonly Pick<Bundle, 'path' | 'size' | 'inventoryDigest'>[];
  readonly outcomes: readonly CopyOutcome[];
  readonly referrers: readonly ReferrerOutcome[];
  readonly bytes: number;
  readonly started: Date;
  readonly finished: Date;
  /** Time of the push, by reference in the bundle; other tags were present before. */
  readonly written: ReadonlyMap<string, Date>;
}

/** Returns the receipt of a push whose tags have all been read back. */
export function createReceipt({
  bundles,
  outcomes,
  referrers,
  started,
  finished,
  written,
  ...rest
}: ReceiptInput): Receipt {
  return {
    apiVersion: 'airgap/v1',
    kind: 'Receipt',
    target: rest.target,
    naming: rest.naming,
    bundles: bundles.map(({ path, size, inventoryDigest }) => ({
      file: basename(path),
      size,
      lock: inventoryDigest,
    })),
    started: started.toISOString(),
    finished: finished.toISOString(),
    seconds: (finished.getTime() - started.getTime()) / 1000,
    bytes: rest.bytes,
    counts: { items: outcomes.length, referrers: referrers.length },
    items: outcomes.map(({ reference, target: { digest: _, ...tagged }, digest, status }) => ({
      source: formatReference(reference),
      target: formatReference(tagged),
      digest,
      status,
      at: (written.get(formatReference(reference)) ?? started).toISOString(),
    })),
    referrers: referrers.map(({ referrer, repository, via, digest, status, at, error }) => ({
      kind: referrerKind(referrer),
      repository: formatRepository(repository),
      subject: referrer.subject,
      tag: referrer.tag,
      digest,
      via,
      status,
      at: at.toISOString(),
      reason: error?.message,
    })),
  };
}
