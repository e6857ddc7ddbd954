import { Document, isSeq, type YAMLMap } from 'yaml';
import * as z from 'zod';
import { isName } from '../base/names.ts';
import { quoted } from '../base/printable.ts';
import { documentText } from '../base/yaml-text.ts';
import type { Digest } from '../oci/digest.ts';
import { formatRepository, tryParseRepository } from '../oci/reference.ts';
import { digestSchema } from './inventory.ts';

/** What `prune` found that nothing needs (PruneList, reviewed and edited by a person), and what it deleted (PruneReceipt). */

const VERSION = 'airgap/v1';

/**
 * Why an entry is listed. `unused`: a tag in no kept bundle and of no running Pod. `tag-only`: the same, of a manifest that stays
 * under another tag. `part`: of an index that is listed. `referrer`: of a manifest that is listed. `untagged`: without a tag, and
 * nothing refers to it.
 */
const REASONS = ['unused', 'tag-only', 'part', 'referrer', 'untagged'] as const;
export type PruneReason = (typeof REASONS)[number];

const repository = z.string().refine((text) => {
  const parsed = tryParseRepository(text);
  return parsed !== undefined && formatRepository(parsed) === text;
}, 'is not REGISTRY/REPOSITORY');

const tag = z.string().refine((text) => isName('tag', text), 'is not a tag');

const entry = z.strictObject({
  /** With the registry. */
  repository,
  /** Absent for a manifest without a tag. */
  tag: tag.optional(),
  /** Digest that the tag had, or of the manifest. */
  digest: digestSchema,
  /** Bytes of it and everything below it that nothing else needs; content that entries share counts in each. */
  size: z.int().nonnegative(),
  /** When it was pushed, if the registry tells. */
  pushed: z.iso.datetime().optional(),
  reason: z.enum(REASONS),
  /** Digest or tag that the reason is about. */
  of: z.string().max(200).optional(),
});

export type PruneEntry = Readonly<z.infer<typeof entry>>;

const content = z
  .strictObject({
    apiVersion: z.literal(VERSION),
    kind: z.literal('PruneList'),
    /** `REGISTRY[/PREFIX]`. All entries are below it, or below the chart prefix. */
    target: z.string().refine((text) => text.length <= 600 && !/\s/.test(text), 'is not REGISTRY[/PREFIX]'),
    /** Path of charts from the root of the registry, if it is another one. */
    chartPrefix: z.string().optional(),
    /** When the registry was read. */
    created: z.iso.datetime(),
    entries: z.array(entry),
  })
  .superRefine(({ target, chartPrefix, entries }, context) => {
    const [registry = ''] = target.split('/');
    const prefixes = [target, ...(chartPrefix === undefined ? [] : [`${registry}/${chartPrefix}`])];
    const seen = new Set<string>();
    for (const [i, { repository: name, tag: own, digest }] of entries.entries()) {
      const refuse = (key: string, message: string): void =>
        context.addIssue({ code: 'custom', path: ['entries', i, key], message });
      if (!prefixes.some((prefix) => name === prefix || name.startsWith(`${prefix}/`))) {
        refuse('repository', `${quoted(name)} is not below ${quoted(target)}, which this list is for`);
      }
      const key = `${name} ${own ?? digest}`;
      if (seen.has(key)) refuse(own === undefined ? 'digest' : 'tag', 'is listed twice');
      seen.add(key);
    }
  });

/** Schema of a list's YAML. Other kinds and newer versions give a single error. */
export const pruneListSchema = z.preprocess((value, context) => {
  const { apiVersion, kind } = (value ?? {}) as { apiVersion?: unknown; kind?: unknown };
  const refuse = (key: string, message: string): unknown => {
    context.addIssue({ code: 'custom', path: [key], message });
    return z.NEVER;
  };
  if (kind !== 'PruneList') return refuse('kind', 'is not PruneList: this is not a list of prune --out');
  if (Number(/^airgap\/v(\d+)$/.exec(String(apiVersion))?.[1]) > 1) {
    return refuse('apiVersion', `${apiVersion} is newer than ${VERSION}, which this helm airgap reads`);
  }
  return value;
}, content);

export type PruneList = Readonly<z.infer<typeof content>>;

/** Formats a list, one entry on each line, so that a person can delete lines. */
export function formatPruneList({ entries, ...head }: Omit<PruneList, 'apiVersion' | 'kind'>): string {
  const document = new Document({ apiVersion: VERSION, kind: 'PruneList', ...head, entries });
  const list = document.get('entries');
  if (isSeq<YAMLMap>(list)) for (const item of list.items) item.flow = true;
  return `${HEADER}${documentText(document, { flowCollectionPadding: false })}`;
}

const HEADER = `# What helm airgap prune found that nothing needs. Nothing is deleted yet.
# Review it, delete the lines of what has to stay, and run: helm airgap prune --delete FILE
# What stays keeps everything that it needs, whether that is listed or not.

`;

/**
 * What became of an entry. `would-delete`: in a dry run. `gone`: it was not there any more. `left`: it changed, something needs
 * it now, or it was not tried.
 */
type PruneStatus = 'deleted' | 'would-delete' | 'gone' | 'left' | 'failed';

/** An entry of a list, and what became of it. */
export interface PruneOutcome {
  readonly repository: string;
  readonly tag?: string;
  readonly digest: Digest;
  readonly size: number;
  /** Why it was listed. */
  readonly reason: PruneReason;
  readonly status: PruneStatus;
  /** Only the tag went, and its manifest stays. */
  readonly onlyTag?: true;
  /** When it was deleted or looked at, in ISO 8601. */
  readonly at: string;
  /** Why it was left, or the registry's answer. */
  readonly why?: string;
}

/** Document that records what `prune --delete` did with each entry of a list. */
export interface PruneReceipt {
  readonly apiVersion: typeof VERSION;
  readonly kind: 'PruneReceipt';
  readonly target: string;
  /** Name of the list. */
  readonly list: string;
  readonly started: string;
  readonly finished: string;
  readonly counts: Readonly<Record<PruneStatus, number>>;
  readonly entries: readonly PruneOutcome[];
}

/** Returns the receipt of a deletion. */
export function pruneReceipt(parts: Omit<PruneReceipt, 'apiVersion' | 'kind' | 'counts'>): PruneReceipt {
  const counts = { deleted: 0, 'would-delete': 0, gone: 0, left: 0, failed: 0 };
  for (const { status } of parts.entries) counts[status] += 1;
  return { apiVersion: VERSION, kind: 'PruneReceipt', counts, ...parts };
}
