import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { count } from '../../base/count.ts';
import { AirgapError, combine } from '../../base/errors.ts';
import { checkReplaceable, checkWritable, writeOutput } from '../../base/output-file.ts';
import { runStep } from '../../base/step.ts';
import { type Finding, isBundledByDefault } from '../../inventory/finding.ts';
import { countImages, type ImageCounts } from '../../inventory/image-counts.ts';
import { formatLockFile, type LockFile, type LockFileImage } from '../../inventory/lock-file.ts';
import { driftOf, type LockFileDrift } from '../../inventory/lock-file-drift.ts';
import type { AllowedMissing } from '../../inventory/missing-images.ts';
import type { Digest } from '../../oci/digest.ts';
import { parseReference } from '../../oci/reference.ts';
import type { RegistryClient } from '../../registry/client.ts';
import { connect, type RegistryUse } from '../../session/connect.ts';
import { type Context, withScratch } from '../../session/context.ts';
import { wrapError } from '../../transfer/wrap-error.ts';
import { lockFileChart } from '../bundle/locked-charts.ts';
import { asMissing, type ConfirmFindingsOptions, headManifests, sourcesText, warnUnusedAllowed } from './confirm.ts';
import { type ImagesOptions, notKnownField, searchSelected, warnUnmatched } from './images.ts';

/** Options for writing or checking a lock file. */
export interface LockFileOptions extends ImagesOptions {
  /** Absolute path of the lock file. */
  readonly path: string;
  /** Images whose absence is accepted. */
  readonly allowMissing?: readonly AllowedMissing[];
  /** If undefined, no registry is contacted and digests of tags stay empty. */
  readonly registries: RegistryUse | undefined;
}

export interface WrittenLockFile {
  readonly path: string;
  readonly status: 'written' | 'up-to-date';
  readonly lockFile: LockFile;
  readonly counts: ImageCounts;
}

/**
 * Writes the current charts and images to a lock file.
 * @throws AirgapError `output-exists` if another kind of file exists at the path, `image-not-found` for images missing
 *   from their registries; nothing is written then
 */
export function writeLockFile(context: Context, options: LockFileOptions): Promise<WrittenLockFile> {
  const { path } = options;
  return withScratch(context, async (scratch) => {
    await checkWritable(path, '--lock');
    await checkReplaceable(path, { isOurs: isLockFile, what: 'lock file' });
    const { lockFile, absent, counts } = await currentLockFile(context, options, scratch);
    if (absent.length > 0) throw missingImages(absent);
    const text = formatLockFile(lockFile, basename(path));
    const existing = await readFile(path, 'utf8').catch(() => undefined);
    if (text === existing) return { path, status: 'up-to-date', lockFile, counts };
    await writeOutput(path, text);
    return { path, status: 'written', lockFile, counts };
  });
}

function isLockFile(existing: Buffer): boolean {
  const text = existing.toString();
  return text.trim() === '' || /^kind: *["']?LockFile\b/m.test(text);
}

/** Compares the current charts and images with a lock file. Without registry access, tags are not compared. */
export function checkLockFile(context: Context, options: LockFileOptions, locked: LockFile): Promise<LockFileDrift> {
  return withScratch(context, async (scratch) => {
    const { lockFile, absent } = await currentLockFile(context, options, scratch);
    // A digest in a reference says nothing about a registry that was not asked.
    const isUnasked = options.registries === undefined;
    const images = lockFile.images.map((image) => (isUnasked ? { ...image, digest: '' as const } : image));
    return driftOf(
      locked,
      { ...lockFile, images },
      absent.map((finding) => imageEntry(finding, new Map())),
    );
  });
}

/**
 * Builds the current lock file, and returns the certain images that their registries do not have. Others that do not exist are in the
 * file as missing, as in a bundle.
 */
async function currentLockFile(
  context: Context,
  options: LockFileOptions,
  scratch: string,
): Promise<{ lockFile: LockFile; absent: Finding[]; counts: ImageCounts }> {
  const searched = await searchSelected(context, options, scratch);
  const { failures, selections } = searched;
  if (failures.length > 0) throw combine(failures, `${failures.length} nested charts could not be searched`);
  warnUnmatched(context, selections);
  const wanted = searched.findings.filter(isBundledByDefault);
  const { digests, missing: notThere } = await lookUpDigests(context, options, wanted);
  const notFound = wanted.filter(({ reference }) => notThere.has(reference));
  const [absent, uncertain] = [
    notFound.filter(({ confidence }) => confidence === 'certain'),
    notFound.filter(({ confidence }) => confidence !== 'certain'),
  ];
  const { emit } = context;
  const { allowMissing = [], registries } = options;
  const missing = asMissing(uncertain, { emit, allowMissing });
  if (registries !== undefined) warnUnusedAllowed(emit, allowMissing, missing);
  const folder = dirname(options.path);
  const charts = await runStep(context.emit, 'computing the digests of charts', () =>
    Promise.all(searched.charts.map((chart) => lockFileChart(chart, folder, scratch, context.cwd))),
  );
  const images = [
    ...wanted.filter((finding) => !notFound.includes(finding)).map((finding) => imageEntry(finding, digests)),
    ...missing.map((image) => ({
      ...imageEntry(image, digests),
      digest: '' as const,
      state: image.state,
      allowed: image.allowed,
    })),
  ];
  return {
    lockFile: {
      ...{ apiVersion: 'airgap/v1', kind: 'LockFile', charts, images, choices: [...selections] },
      ...notKnownField([...searched.charts, ...searched.manifests]),
    },
    absent,
    counts: countImages({
      images: searched.findings.filter((finding) => !notFound.includes(finding)),
      missing: [...absent, ...missing],
      selections,
    }),
  };
}

async function lookUpDigests(
  context: Context,
  { registries }: LockFileOptions,
  findings: readonly Finding[],
): Promise<{ digests: ReadonlyMap<string, Digest>; missing: ReadonlySet<string> }> {
  if (registries === undefined) return { digests: new Map(), missing: new Set() };
  const { client } = connect(context, registries.access);
  try {
    const { emit, signal } = context;
    const references = findings.map(({ reference }) => reference);
    return await resolveDigests(client, references, { concurrency: registries.concurrency, emit, signal });
  } finally {
    await client.close();
  }
}

function imageEntry(
  { reference, need, confidence, found }: Finding,
  digests: ReadonlyMap<string, Digest>,
): LockFileImage {
  const charts = [...new Set(found.map(({ chart }) => chart))].filter((name) => name !== '').sort();
  const digest = parseReference(reference).digest ?? digests.get(reference) ?? '';
  return { reference, digest, need, confidence, charts };
}

/** Digests of references, as reported by their registries. */
export interface ResolvedDigests {
  /** Digests by reference, without missing references and unreachable registries. */
  readonly digests: ReadonlyMap<string, Digest>;
  /** References that do not exist in their registries. */
  readonly missing: ReadonlySet<string>;
}

/** Errors of unreachable or failing registries; the user can fix all others. */
const UNREACHABLE: ReadonlySet<string> = new Set(['network', 'registry']);

/**
 * Resolves the digest of each reference with a HEAD request. Warns of unreachable registries, naming the references
 * that remain without a digest.
 * @param references full references
 * @throws AirgapError `unauthorized`, `forbidden`, `unsupported`, `digest-mismatch`, all of them together
 */
export async function resolveDigests(
  client: Pick<RegistryClient, 'head'>,
  references: readonly string[],
  { concurrency, emit, signal }: ConfirmFindingsOptions,
): Promise<ResolvedDigests> {
  const outcomes = await runStep(
    emit,
    `resolving the digests of ${count(references.length, 'image')}`,
    (advance) => headManifests(client, references.map(parseReference), { concurrency, signal, advance }),
    references.length,
  );
  const digests = new Map<string, Digest>();
  const missing = new Set<string>();
  const unreachable = new Map<string, { readonly names: string[]; readonly reason: string }>();
  const errors: AirgapError[] = [];
  for (const [i, outcome] of outcomes.entries()) {
    const text = references[i] as string;
    if ('error' in outcome) {
      const error = wrapError(text, outcome.error);
      if (!UNREACHABLE.has(error.code)) errors.push(error);
      else {
        const { registry } = parseReference(text);
        const known = unreachable.get(registry) ?? { names: [], reason: error.message };
        unreachable.set(registry, { ...known, names: [...known.names, text] });
      }
    } else if (outcome.value === undefined) missing.add(text);
    else digests.set(text, outcome.value.digest);
  }
  if (errors.length > 0) throw combine(errors, `the digests of ${errors.length} images could not be resolved`);
  for (const [registry, { names, reason }] of unreachable) {
    const message = `${registry} did not respond, so the digests of ${names.join(', ')} are unknown (${reason})`;
    emit({ type: 'warning', message });
  }
  return { digests, missing };
}

/** Returns the error for required images that do not exist in their registries. `findings` must not be empty. */
function missingImages(findings: readonly Finding[]): AirgapError {
  const errors = findings.map(
    ({ reference, found }) =>
      new AirgapError('image-not-found', 'not found in its registry (404)', {
        subject: reference,
        origin: sourcesText(found),
        hint: 'check the name and tag, leave it out with --exclude, or configure another location with --mirror',
      }),
  );
  return combine(errors, `${errors.length} images were not found in their registries`);
}
