import { Document, isSeq, type YAMLMap } from 'yaml';
import * as z from 'zod';
import { isName } from '../base/names.ts';
import { printableLine } from '../base/printable.ts';
import { documentText } from '../base/yaml-text.ts';
import { isDigest } from '../oci/digest.ts';
import { formatReference, parseReference, tryParseReference } from '../oci/reference.ts';
import { choiceSchema } from './choice.ts';

/**
 * The lock file, `airgap.lock`: charts and images with their digests, to be kept in version control and reviewed there.
 * docs/lock-file.md describes it. Unknown keys are errors.
 */

const VERSION = 'airgap/v1';

const text = z.string().min(1);

/** Empty: nobody has asked for it yet. */
const digest = z
  .string()
  .refine((value) => value === '' || isDigest(value), 'is no digest: write sha256:… in full, or ""')
  .default('');

const reference = z.string().transform((value, context) => {
  const parsed = tryParseReference(value);
  if (parsed !== undefined) return formatReference(parsed);
  context.issues.push({ code: 'custom', message: `"${value}" is not an image reference`, input: value });
  return z.NEVER;
});

const chart = z.strictObject({
  name: text.refine((name) => isName('chart name', name), 'is not the name of a chart'),
  version: text.refine((version) => isName('chart version', version), 'is not the version of a chart'),
  /**
   * Where it is fetched: `./…` or `../…` from the folder of the lock file, `oci://…`, a URL, or a name in `repo`. Absent
   * for a chart that lies inside its parent's manifests, which no place has as an archive.
   */
  chart: text.optional(),
  /** Empty: no repository is known, and only a chart mirror can help. */
  repo: z.string().optional(),
  /** Whether missing dependencies of a folder are fetched before it is packed. */
  dependencyUpdate: z.boolean().optional(),
  /** Of the archive; of a folder's archive before it is compressed, for compression is not the same on every machine. */
  digest,
  /** The chart that brings it along, for one that was not asked for by name. */
  parent: text.optional(),
  /** How it was rendered; a bundle keeps it, so that the isolated side renders for the same Kubernetes. */
  profiles: z
    .array(z.strictObject({ name: text, kubeVersion: text.optional(), apiVersions: z.array(text).optional() }))
    .default([]),
});

const image = z
  .strictObject({
    /** Full and normalised, however it was written. */
    reference,
    /** What its registry had under that name: of a manifest, or of an index with all its platforms. */
    digest,
    need: z.enum(['install', 'operand', 'lifecycle', 'optional', 'test']),
    confidence: z.enum(['certain', 'likely', 'possible']),
    /** Names of the charts that want it; empty for one that was added by name. */
    charts: z.array(text).default([]),
  })
  .superRefine((entry, context) => {
    const pinned = parseReference(entry.reference).digest;
    if (pinned === undefined || entry.digest === '' || entry.digest === pinned) return;
    context.addIssue({ code: 'custom', path: ['digest'], message: 'is not the digest that the reference names' });
  });

const content = z
  .strictObject({
    apiVersion: z.literal(VERSION),
    kind: z.literal('LockFile'),
    /** Those asked for in their order, then those that they bring along. */
    charts: z.array(chart).default([]),
    images: z.array(image).default([]),
    /** What was left out or kept, and why; for reviewers, and for the lock of a bundle. */
    choices: z.array(z.strictObject(choiceSchema.shape)).default([]),
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

/** Reads a lock file from its YAML as an object. What is none, or a newer version's, is said to be that and no more. */
export const lockFileSchema = z.preprocess((value, context) => {
  const { apiVersion, kind } = (value ?? {}) as { apiVersion?: unknown; kind?: unknown };
  const refuse = (key: string, message: string): unknown => {
    context.addIssue({ code: 'custom', path: [key], message });
    return z.NEVER;
  };
  if (kind !== 'LockFile') return refuse('kind', 'is not LockFile, so this is no lock file');
  if (Number(/^airgap\/v(\d+)$/.exec(String(apiVersion))?.[1]) > 1) {
    return refuse('apiVersion', `${apiVersion} is newer than this helm airgap, which reads ${VERSION}`);
  }
  return value;
}, content);

export type LockFile = Readonly<z.infer<typeof content>>;
export type LockFileChart = Readonly<LockFile['charts'][number]>;
export type LockFileImage = Readonly<LockFile['images'][number]>;

/**
 * The text of a lock file: images by reference, charts as given, no time, so equal content gives equal bytes.
 * @param name of the file itself, for the commands in its head
 */
export function formatLockFile({ charts, images, choices }: LockFile, name: string): string {
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
    })),
    ...(choices.length === 0 ? {} : { choices: choices.map(choiceEntry) }),
  });
  // Lists within an entry stay on one line, so that an entry is a few lines in a review.
  for (const entries of [document.get('charts'), document.get('images')]) {
    if (!isSeq<YAMLMap<unknown, unknown>>(entries)) continue;
    for (const { value } of entries.items.flatMap(({ items }) => items)) if (isSeq(value)) value.flow = true;
  }
  return `${head(printableLine(name))}${documentText(document, { flowCollectionPadding: false })}`;
}

function choiceEntry({ rule, pattern, reason, charts, references }: LockFile['choices'][number]): object {
  return { rule, pattern, reason, charts, references };
}

function head(name: string): string {
  return `# Charts and images with their digests, for helm airgap. Keep it in version control, and review its changes.
# renew: helm airgap images … --lock ${name}, with the same charts and flags
# check: helm airgap images … --check-lock ${name}
# use:   helm airgap bundle --lock ${name} --out platform.tar

`;
}
