import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import * as z from 'zod';
import { AirgapError, messageOf } from '../../base/errors.ts';
import type { Bundle } from '../../bundle/read.ts';
import { isDigest } from '../../oci/digest.ts';
import { formatReference, formatRepository, tryParseReference, tryParseRepository } from '../../oci/reference.ts';
import { referrerKind } from '../../oci/referrer.ts';
import type { CopyOutcome } from '../../transfer/copy.ts';
import { TIES } from '../../transfer/referrers-listed.ts';
import type { ReferrerOutcome } from '../../transfer/referrers-push.ts';

const digest = z.string().refine(isDigest, 'not a digest');
const time = z.iso.datetime();

/** Something that belongs to an image or chart at the target. */
const referrer = z.object({
  /** `signature`, `attestation`, `SBOM`, or its type. */
  kind: z.string(),
  repository: z.string().refine((text) => tryParseRepository(text) !== undefined, 'not a repository'),
  /** What it belongs to: a manifest in the same repository. */
  subject: digest,
  /** Cosign's, where that alone ties it to its subject. */
  tag: z.string().optional(),
  /** Of its manifest; of one that was `kept`, what its tag stands for. */
  digest,
  /** Who says at the target that it belongs there. */
  via: z.enum(TIES),
  /** `refused`: the registry does not take it, and it is not there. */
  status: z.enum(['pushed', 'present', 'kept', 'refused']),
  /** When it was written, or seen. */
  at: time,
  /** Of one that was `refused`, or is `unlisted`: the registry's answer. */
  reason: z.string().optional(),
});

/** A document that says what a push left at a target, each tag as the registry answered for it. */
const receiptSchema = z.object({
  apiVersion: z.literal('airgap/v1'),
  kind: z.literal('Receipt'),
  /** `REGISTRY[/PREFIX]`. */
  target: z.string(),
  naming: z.string(),
  /** `lock`: digest of the lock's manifest, by which a delta calls its base. */
  bundles: z.array(z.object({ file: z.string(), size: z.int(), lock: digest.optional() })),
  started: time,
  finished: time,
  seconds: z.number(),
  /** Bytes sent. */
  bytes: z.int(),
  /** How many there are of each list, so that one which is cut short is noticed; receipts of before do not say it. */
  counts: z.object({ items: z.int(), referrers: z.int() }).optional(),
  items: z.array(
    z.object({
      /** In the bundle: an image's full reference, `charts/NAME:TAG` of a chart. */
      source: z.string(),
      /** With the tag, without the digest. */
      target: z.string().refine((text) => tryParseReference(text) !== undefined, 'not a reference'),
      /** What the tag stands for. */
      digest,
      status: z.enum(['pushed', 'present', 'kept']),
      /** When the tag was written, or seen. */
      at: time,
    }),
  ),
  /** Signatures and whatever else belongs to them; receipts of before have none. */
  referrers: z.array(referrer).default([]),
});

export type Receipt = Readonly<z.infer<typeof receiptSchema>>;

export interface Pushed {
  readonly target: string;
  readonly naming: string;
  readonly bundles: readonly Pick<Bundle, 'path' | 'size' | 'lockDigest'>[];
  readonly outcomes: readonly CopyOutcome[];
  readonly belonging: readonly ReferrerOutcome[];
  readonly bytes: number;
  readonly started: Date;
  readonly finished: Date;
  /** By the reference in the bundle; what is not in it was there when the push began. */
  readonly written: ReadonlyMap<string, Date>;
}

/** The receipt of a push whose every tag was asked for. */
export function receiptOf({ bundles, outcomes, belonging, started, finished, written, ...rest }: Pushed): Receipt {
  return {
    apiVersion: 'airgap/v1',
    kind: 'Receipt',
    target: rest.target,
    naming: rest.naming,
    bundles: bundles.map(({ path, size, lockDigest }) => ({
      file: basename(path),
      size,
      ...(lockDigest === undefined ? {} : { lock: lockDigest }),
    })),
    started: started.toISOString(),
    finished: finished.toISOString(),
    seconds: (finished.getTime() - started.getTime()) / 1000,
    bytes: rest.bytes,
    counts: { items: outcomes.length, referrers: belonging.length },
    items: outcomes.map(({ reference, target: { digest: _, ...tagged }, digest: there, status }) => ({
      source: formatReference(reference),
      target: formatReference(tagged),
      digest: there,
      status,
      at: (written.get(formatReference(reference)) ?? started).toISOString(),
    })),
    referrers: belonging.map(({ referrer, repository, via, digest: there, status, at, error }) => ({
      kind: referrerKind(referrer),
      repository: formatRepository(repository),
      subject: referrer.subject,
      ...(referrer.tag === undefined ? {} : { tag: referrer.tag }),
      digest: there,
      via,
      status,
      at: at.toISOString(),
      ...(error === undefined ? {} : { reason: error.message }),
    })),
  };
}

/**
 * Reads a receipt. It is not signed: that it lists everything can be told only beside the bundle.
 * @throws AirgapError `file` when it cannot be read, `config` with what is wrong in it, such as things taken out of it
 */
export async function readReceipt(path: string): Promise<Receipt> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new AirgapError('file', `the receipt cannot be read: ${messageOf(cause)}`, { cause });
  });
  const hint = 'give a file that push wrote with --receipt';
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
  throw new AirgapError('config', `${path} is no receipt: ${issue?.path.join('.')}: ${issue?.message}`, { hint });
}

function checkCounts(path: string, { items, referrers, counts }: Receipt): void {
  const said = counts ?? { items: items.length, referrers: referrers.length };
  if (items.length > 0 && said.items === items.length && said.referrers === referrers.length) return;
  const there = `${items.length} tags and ${referrers.length} signatures and the like`;
  const wanted = counts === undefined ? '' : `, and says that there were ${counts.items} and ${counts.referrers}`;
  throw new AirgapError('config', `${path} lists ${there}${wanted}`, {
    hint: 'take the receipt as push wrote it; one without any tag says nothing',
  });
}
