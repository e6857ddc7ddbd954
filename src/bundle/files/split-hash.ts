import { basename } from 'node:path';
import { pool } from '../../base/pool.ts';
import type { RandomFile } from './random-file.ts';
import { hashContent, readRange } from './ranges.ts';
import { type BundleHead, type BundlePart, partSizeAt, type SplitIndex } from './split-index.ts';

/** Number of parts read concurrently: one is hashed while the other is read. */
const CONCURRENT_READS = 2;

/** Bytes that contain `oci-layout` and `index.json`, which has at most 32 MiB. */
const HEAD_SIZE = 33 * 1024 * 1024;

/** Creates the index of complete parts by reading each once. @throws AirgapError `file` */
export async function indexParts(file: RandomFile, size: number, names: readonly string[]): Promise<SplitIndex> {
  const { partSize } = file.fileParts;
  const parts = await pool(names, CONCURRENT_READS, async (path, index): Promise<BundlePart> => {
    const bytes = partSizeAt(size, partSize, index);
    return { name: basename(path), size: bytes, sha256: await hashPart(file, index, bytes) };
  });
  const headSize = Math.min(size, HEAD_SIZE);
  const head = { size: headSize, sha256: await hashRange(file, 0, headSize) };
  return { schemaVersion: 1, size, partSize, parts, head };
}

/**
 * Reports whether an index belongs to these parts rather than to another bundle, by the hash of the bundle's head. For
 * indexes without head, the first part is read.
 */
export async function isMatchingIndex(
  file: RandomFile,
  parts: readonly BundlePart[],
  head: BundleHead | undefined,
): Promise<boolean> {
  const { size, sha256 } = head ?? (parts[0] as BundlePart);
  return (await hashRange(file, 0, size).catch(() => undefined)) === sha256;
}

/** A part that does not match the index. */
export interface PartDamage {
  /** Range of the part in the bundle: first byte, and byte after the last. */
  readonly from: number;
  readonly to: number;
  /** Description in one sentence. */
  readonly message: string;
}

/**
 * Reads parts and returns those that do not match the index.
 * @param isSuspect selects the parts to read by their range in the bundle; default all
 */
export async function damagedParts(
  file: RandomFile,
  parts: readonly BundlePart[],
  isSuspect: (from: number, to: number) => boolean = () => true,
): Promise<PartDamage[]> {
  const { partSize } = file.fileParts;
  const checked = await pool(parts, CONCURRENT_READS, async (part, index): Promise<PartDamage | undefined> => {
    const [from, to] = [index * partSize, index * partSize + part.size];
    if (!isSuspect(from, to)) return undefined;
    // Unreadable parts are reported like damaged ones.
    const actual = await hashPart(file, index, part.size).catch(() => undefined);
    if (actual === part.sha256) return undefined;
    const other = parts.find(({ sha256 }) => sha256 === actual);
    const what = other === undefined ? 'is damaged' : `contains the content of ${other.name}`;
    return { from, to, message: `part ${part.name} ${what}` };
  });
  return checked.filter((damaged) => damaged !== undefined);
}

function hashPart(file: RandomFile, index: number, size: number): Promise<string> {
  return hashRange(file, index === 0 ? 0 : index * file.fileParts.partSize, size);
}

function hashRange(file: RandomFile, from: number, size: number): Promise<string> {
  return hashContent(readRange(file, from, size), 'sha256');
}
