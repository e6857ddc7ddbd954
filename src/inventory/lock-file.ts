import { Document, isSeq, type YAMLMap } from 'yaml';
import * as z from 'zod';
import { isName, namePattern } from '../base/names.ts';
import { printableLine } from '../base/printable.ts';
import { documentText } from '../base/yaml-text.ts';
import { DIGEST_PATTERN, isDigest } from '../oci/digest.ts';
import { formatReference, parseReference, tryParseReference } from '../oci/reference.ts';
import { CONFIDENCES, NEEDS } from './finding.ts';
import { selectionRecordSchema } from './selection-record.ts';
import { notKnownSchema } from './state.ts';

/**
 * The lock file `airgap.lock`: charts and images with their digests, kept and reviewed in version control. See
 * docs/lock-file.md. Unknown keys are errors.
 */

const VERSION = 'airgap/v1';

const text = z.string().min(1);

const digest = z
  .string()
  .refine((value) => value === '' || isDigest(value), 'is not a digest: write sha256:... in full, or ""')
  .meta({ pattern: `^$|${DIGEST_PATTERN.source}` })
  .default('');

const reference = z.string().transform((value, context) => {
  const parsed = tryParseReference(value);
  if (parsed !== undefined) return formatReference(parsed);
  context.issues.push({ code: 'custom', message: `"${value}" is not an image reference`, input: value });
  return z.NEVER;
});

const chart = z.strictObject({
  name: text
    .refine((name) => isName('chart name', name), 'is not a valid chart name')
    .meta({ pattern: namePattern('chart name') }),
  version: text
    .refine((version) => isName('chart version', version), 'is not a valid chart version')
    .meta({ pattern: namePattern('chart version') }),
  chart: text
    .optional()
    .describe(
      'Source: ./… or ../… relative to the lock file, oci://…, a URL, or a name in repo. Absent for a chart that is only embedded in the manifests of its parent',
    ),
  repo: z.string().optional().describe('Empty if the repository is unknown; the chart then needs a chart mirror'),
  dependencyUpdate: z.boolean().optional().describe('Fetch missing dependencies of a folder before packing it'),
  digest: digest.describe(
    'Digest of the archive; of a folder, that of the uncompressed archive, because compression differs between machines. Empty if not resolved yet',
  ),
  parent: text.optional().describe('Parent chart, if it was not requested by name'),
  profiles: z
    .array(z.strictObject({ name: text, kubeVersion: text.optional(), apiVersions: z.array(text).optional() }))
    .default([])
    .describe('Render settings, so that the isolated side renders for the same Kubernetes version'),
});

const image = z
  .strictObject({
    reference: reference.describe('Name of the image'),
    digest: digest.describe(
      'Digest at its registry: of a manifest, or of an index with all platforms. Empty if not resolved yet',
    ),
    need: z.enum(NEEDS),
    confidence: z.enum(CONFIDENCES),
    charts: z.array(text).default([]).describe('Names of the charts that need it; empty if it was added by name'),
    state: z.literal('missing').optional().describe('Its registry does not have it, so it has no digest'),
    allowed: z
      .strictObject({ reason: text.optional() })
      .optional()
      .describe('That it is missing is accepted (--allow-missing)'),
  })
  .superRefine((entry, context) => {
    const refuse = (key: string, message: string): void => context.addIssue({ code: 'custom', path: [key], message });
    if (entry.state === undefined && entry.allowed !== undefined) refuse('allowed', 'needs "state: missing"');
    if (entry.state !== undefined && entry.digest !== '') refuse('digest', 'must be empty: the image is missing');
    const pinned = parseReference(entry.reference).digest;
    if (pinned === undefined || entry.digest === '' || entry.digest === pinned) return;
    refuse('digest', 'differs from the digest in the reference');
  });

const content = z
  .strictObject({
    apiVersion: z.literal(VERSION),
    kind: z.literal('LockFile'),
    charts: z.array(chart).default([]).describe('Requested charts in order, then their nested charts'),
    images: z.array(image).default([]),
    choices: z
      .array(z.strictObject(selectionRecordSchema.shape))
      .default([])
      .describe('Selections and their reasons, for reviewers and for the inventory of a bundle'),
    notKnown: z
      .array(z.strictObject(notKnownSchema.shape))
      .readonly()
      .optional()
      .describe('What was not understood and may hide an image, for reviewers and for the inventory of a bundle'),
  })
  .superRefine(({ images }, context) => {
    const seen = new Set<string>();
    for (const [i, entry] of images.entries()) {
      if (seen.has(entry.reference)) {
        context.addIssue({ code: 'custom', path: ['images', i, 'reference'], message: 'is listed twice' });
      }
      seen.add(entry.reference);
    }
  });

/** Schema of a lock file's YAML. Other kinds and newer versions give a single error. */
export const lockFileSchema = z.preprocess((value, context) => {
  const { apiVersion, kind } = (value ?? {}) as { apiVersion?: unknown; kind?: unknown };
  const refuse = (key: string, message: string): unknown => {
    context.addIssue({ code: 'custom', path: [key], message });
    return z.NEVER;
  };
  if (kind !== 'LockFile') return refuse('kind', 'is not LockFile: this is not a lock file');
  if (Number(/^airgap\/v(\d+)$/.exec(String(apiVersion))?.[1]) > 1) {
    return refuse('apiVersion', `${apiVersion} is newer than ${VERSION}, which this helm airgap reads`);
  }
  return value;
}, content);

export type LockFile = Readonly<z.infer<typeof content>>;
export type LockFileChart = Readonly<LockFile['charts'][number]>;
export type LockFileImage = Readonly<LockFile['images'][number]>;

/**
 * Formats a lock file: images sorted by reference, charts as given, no timestamp, so that equal content gives equal
 * text.
 * @param name name of the file, for the commands in its header comment
 */
export function formatLockFile({ charts, images, choices, notKnown }: LockFile, name: string): string {
  const sorted = [...images].sort((a, b) => (a.reference < b.reference ? -1 : 1));
  const document = new Document({
    apiVersion: VERSION,
    kind: 'LockFile',
    charts: charts.map((entry) => ({
      name: entry.name,
      version: entry.version,
      chart: entry.chart,
      repo: entry.repo,
      dependencyUpdate: entry.dependencyUpdate,
      digest: entry.digest,
      parent: entry.parent,
      profiles: entry.profiles,
    })),
    images: sorted.map((entry) => ({
      reference: entry.reference,
      digest: entry.digest,
      need: entry.need,
      confidence: entry.confidence,
      charts: entry.charts,
      state: entry.state,
      allowed: entry.allowed,
    })),
    ...(choices.length === 0 ? {} : { choices: choices.map(selectionEntry) }),
    ...(notKnown && { notKnown }),
  });
  // Lists within an entry stay on one line to keep diffs short.
  for (const entries of [document.get('charts'), document.get('images')]) {
    if (!isSeq<YAMLMap<unknown, unknown>>(entries)) continue;
    for (const { value } of entries.items.flatMap(({ items }) => items)) if (isSeq(value)) value.flow = true;
  }
  return `${headerComment(printableLine(name))}${documentText(document, { flowCollectionPadding: false })}`;
}

function selectionEntry({ rule, pattern, reason, charts, references }: LockFile['choices'][number]): object {
  return { rule, pattern, reason, charts, references };
}

function headerComment(name: string): string {
  return `# Charts and images with their digests, for helm airgap. Keep it in version control, and review its changes.
# renew: helm airgap images … --lock ${name}, with the same charts and flags
# check: helm airgap images … --check-lock ${name}
# use:   helm airgap bundle --lock ${name} --out platform.tar

`;
}
