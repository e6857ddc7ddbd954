import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { pool } from '../../base/pool.ts';
import { giveBack } from '../../oci/loan.ts';
import { readRange } from './file.ts';
import type { RandomFile } from './random-file.ts';
import { type Head, type Part, partBytes, type SplitIndex } from './split-index.ts';

/** Parts read at the same time: while one is hashed the next bytes of the other are read. */
const READERS = 2;

/** Bytes in which a bundle says what it holds: its first two files, of which the second has 32 MiB at most. */
const HEAD = 33 * 1024 * 1024;

/** The index of parts that are complete: each is read once, from its beginning to its end. @throws AirgapError `file` */
export async function indexParts(file: RandomFile, size: number, names: readonly string[]): Promise<SplitIndex> {
  const { partSize } = file.places;
  const parts = await pool(names, READERS, async (path, at): Promise<Part> => {
    const bytes = partBytes(size, partSize, at);
    return { name: basename(path), size: bytes, sha256: await hashPart(file, at, bytes) };
  });
  const headSize = Math.min(size, HEAD);
  const head = { size: headSize, sha256: await hashRange(file, 0, headSize) };
  return { schemaVersion: 1, size, partSize, parts, head };
}

/**
 * Whether an index is that of these parts and not of another bundle, without reading them all. Where it has no hash of the
 * bundle's beginning, the first part is read.
 */
export async function isIndexOf(file: RandomFile, parts: readonly Part[], head: Head | undefined): Promise<boolean> {
  const { size, sha256 } = head ?? (parts[0] as Part);
  return (await hashRange(file, 0, size).catch(() => undefined)) === sha256;
}

/** A part whose content is not what the index says. */
export interface Damage {
  /** Bytes of the bundle that lie in it: the first one, and the one after the last. */
  readonly from: number;
  readonly to: number;
  /** What is wrong, in one sentence. */
  readonly message: string;
}

/**
 * Reads parts and tells which are not what the index says.
 * @param suspects whether the part with these bytes of the bundle is to be read; all are unless told
 */
export async function damagedParts(
  file: RandomFile,
  parts: readonly Part[],
  suspects: (from: number, to: number) => boolean = () => true,
): Promise<Damage[]> {
  const { partSize } = file.places;
  const checked = await pool(parts, READERS, async (part, at): Promise<Damage | undefined> => {
    const [from, to] = [at * partSize, at * partSize + part.size];
    if (!suspects(from, to)) return undefined;
    // What a medium does not give is damaged like anything else.
    const actual = await hashPart(file, at, part.size).catch(() => undefined);
    if (actual === part.sha256) return undefined;
    const other = parts.find(({ sha256 }) => sha256 === actual);
    const what = other === undefined ? 'is damaged' : `holds what belongs into ${other.name}`;
    return { from, to, message: `the part ${part.name} ${what}` };
  });
  return checked.filter((damaged) => damaged !== undefined);
}

function hashPart(file: RandomFile, at: number, size: number): Promise<string> {
  return hashRange(file, at === 0 ? 0 : at * file.places.partSize, size);
}

async function hashRange(file: RandomFile, from: number, size: number): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of readRange(file, from, size)) {
    hash.update(chunk);
    giveBack(chunk);
  }
  return hash.digest('hex');
}
