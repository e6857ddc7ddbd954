import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { AirgapError } from '../../base/errors.ts';
import { reasonOf } from '../../base/file-failure.ts';
import { digestSchema } from '../../inventory/inventory.ts';
import { tryParseReference, tryParseRepository } from '../../oci/reference.ts';
import { LISTING_METHODS } from '../../transfer/referrers/listing.ts';

const time = z.iso.datetime();

/** A referrer of an image or chart in the target. */
const referrer = z.object({
  /** `signature`, `attestation`, `SBOM`, or the artifact type. */
  kind: z.string(),
  repository: z.string().refine((text) => tryParseRepository(text) !== undefined, 'not a repository'),
  /** Digest of its subject, a manifest in the same repository. */
  subject: digestSchema,
  /** Cosign's tag, if only that ties it to its subject. */
  tag: z.string().optional(),
  /** Digest of its manifest; for `kept`, the digest of the tag in the target. */
  digest: digestSchema,
  /** Method by which the target associates it with its subject. */
  via: z.enum(LISTING_METHODS),
  /** `refused`: the registry did not accept it. */
  status: z.enum(['pushed', 'present', 'kept', 'refused']),
  /** Time at which it was pushed or found. */
  at: time,
  /** The registry's answer, if it was `refused` or is `unlisted`. */
  reason: z.string().optional(),
});

/** Document that records the result of a push, each tag as the registry reported it. */
const receiptSchema = z.object({
  apiVersion: z.literal('airgap/v1'),
  kind: z.literal('Receipt'),
  /** `REGISTRY[/PREFIX]`. */
  target: z.string(),
  naming: z.string(),
  /** `lock`: digest of the inventory manifest, by which a delta refers to its base bundle. */
  bundles: z.array(z.object({ file: z.string(), size: z.int(), lock: digestSchema.optional() })),
  started: time,
  finished: time,
  seconds: z.number(),
  /** Bytes sent. */
  bytes: z.int(),
  /** Length of each list, to detect truncation; absent in older receipts. */
  counts: z.object({ items: z.int(), referrers: z.int() }).optional(),
  items: z.array(
    z.object({
      /** Name in the bundle: full reference of an image, `charts/NAME:TAG` of a chart. */
      source: z.string(),
      /** Reference with tag, without digest. */
      target: z.string().refine((text) => tryParseReference(text) !== undefined, 'not a reference'),
      /** Digest of the tag. */
      digest: digestSchema,
      status: z.enum(['pushed', 'present', 'kept']),
      /** Time at which the tag was pushed or found. */
      at: time,
    }),
  ),
  /** Referrers of the items; empty in older receipts. */
  referrers: z.array(referrer).default([]),
});

export type Receipt = Readonly<z.infer<typeof receiptSchema>>;

/**
 * Reads a receipt. Receipts are not signed, so completeness can be checked only against the bundle.
 * @throws AirgapError `file` when it cannot be read, `config` when it is invalid or truncated
 */
export async function readReceipt(path: string): Promise<Receipt> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new AirgapError('file', `cannot read the receipt ${path}: ${reasonOf(cause)}`, { cause });
  });
  const hint = 'use a file written by helm airgap push --receipt';
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new AirgapError('config', `${path} is not JSON`, { hint, cause });
  }
  const result = receiptSchema.safeParse(json);
  if (result.success) {
    checkCounts(path, result.data);
    return result.data;
  }
  const [issue] = result.error.issues;
  throw new AirgapError('config', `${path} is not a receipt: ${issue?.path.join('.')}: ${issue?.message}`, { hint });
}

function checkCounts(path: string, { items, referrers, counts }: Receipt): void {
  const expected = counts ?? { items: items.length, referrers: referrers.length };
  if (items.length > 0 && expected.items === items.length && expected.referrers === referrers.length) return;
  const found = `items: ${items.length}, referrers: ${referrers.length}`;
  const mismatch = counts === undefined ? '' : `; its counts are ${counts.items} and ${counts.referrers}`;
  throw new AirgapError('config', `${path} is incomplete: ${found}${mismatch}`, {
    hint: 'use the receipt as push wrote it',
  });
}
