import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { combine } from '../base/errors.ts';
import { checkReplaceable, checkWritable, writeOutput } from '../base/output-file.ts';
import { driftOf, type LockDrift } from '../lock/drift.ts';
import { type Finding, isWanted } from '../lock/finding.ts';
import { formatLockFile, type LockFile, type LockFileImage } from '../lock/lock-file.ts';
import type { Digest } from '../oci/digest.ts';
import { parseReference } from '../oci/reference.ts';
import { askDigests, missingImages } from './bundling/image-digests.ts';
import { chartEntry } from './bundling/locked-charts.ts';
import { warnDropped } from './confirm.ts';
import { type Context, withScratch } from './context.ts';
import { type ImagesOptions, searchChosen, warnUnmatched } from './images.ts';
import { connect, type RegistryAccess } from './registry.ts';

/** Options for writing or checking a lock file. */
export interface LockFileOptions extends ImagesOptions {
  /** Absolute path of the lock file. */
  readonly path: string;
  /** Registry access; if undefined, no registry is contacted and digests of tags stay empty. */
  readonly access: RegistryAccess | undefined;
  /** Number of concurrent requests. */
  readonly concurrency: number;
}

export interface WrittenLockFile {
  readonly path: string;
  readonly status: 'written' | 'up-to-date';
  readonly lockFile: LockFile;
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
    const { lockFile, missing } = await lockedNow(context, options, scratch);
    const sure = missing.filter(({ confidence }) => confidence === 'certain');
    if (sure.length > 0) throw missingImages(sure);
    const text = formatLockFile(lockFile, basename(path));
    const there = await readFile(path, 'utf8').catch(() => undefined);
    if (text === there) return { path, status: 'up-to-date', lockFile };
    await writeOutput(path, text);
    return { path, status: 'written', lockFile };
  });
}

function isLockFile(there: Buffer): boolean {
  const text = there.toString();
  return text.trim() === '' || /^kind: *["']?LockFile\b/m.test(text);
}

/** Compares the current charts and images with a lock file. Without registry access, tags are not compared. */
export function checkLockFile(context: Context, options: LockFileOptions, locked: LockFile): Promise<LockDrift> {
  return withScratch(context, async (scratch) => {
    const { lockFile, missing } = await lockedNow(context, options, scratch);
    return driftOf(
      locked,
      lockFile,
      missing.map((finding) => imageEntry(finding, new Map())),
    );
  });
}

/**
 * Builds the current lock file, and returns findings that their registries do not have. Of these, findings below
 * `certain` are probably not images and are dropped with a warning, as in a bundle.
 */
async function lockedNow(
  context: Context,
  options: LockFileOptions,
  scratch: string,
): Promise<{ lockFile: LockFile; missing: Finding[] }> {
  const { charts: searched, failures, findings: all, choices } = await searchChosen(context, options, scratch);
  if (failures.length > 0)
    throw combine(
      failures,
      `${failures.length} nested ${failures.length === 1 ? 'chart' : 'charts'} could not be searched`,
    );
  warnUnmatched(context, choices);
  const wanted = all.filter(isWanted);
  const { digests, missing } = await asked(context, options, wanted);
  const gone = wanted.filter(({ reference }) => missing.has(reference));
  const dropped = gone.filter(({ confidence }) => confidence !== 'certain');
  warnDropped(
    context.emit,
    dropped.map(({ reference, found }) => ({ reference, found, why: 'not found in the registry (404)' })),
  );
  const folder = dirname(options.path);
  const charts = await Promise.all(searched.map((chart) => chartEntry(chart, folder, scratch, context.cwd)));
  const images = wanted.filter((finding) => !gone.includes(finding)).map((finding) => imageEntry(finding, digests));
  return {
    lockFile: { apiVersion: 'airgap/v1', kind: 'LockFile', charts, images, choices: [...choices] },
    missing: gone,
  };
}

async function asked(
  context: Context,
  { access, concurrency }: LockFileOptions,
  findings: readonly Finding[],
): Promise<{ digests: ReadonlyMap<string, Digest>; missing: ReadonlySet<string> }> {
  if (access === undefined) return { digests: new Map(), missing: new Set() };
  const { client } = connect(context, access);
  try {
    const { emit, signal } = context;
    const references = findings.map(({ reference }) => reference);
    return await askDigests(client, references, { concurrency, emit, signal });
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
