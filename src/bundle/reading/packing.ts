import { messageOf } from '../../base/errors.ts';
import { quoted } from '../../base/printable.ts';
import type { RandomFile } from '../files/random-file.ts';
import { BLOCK, blobDigest, END, headerOf } from '../layout.ts';
import { indexFile, OCI_LAYOUT } from '../metadata.ts';
import type { Contents } from './contents.ts';
import { readDockerSave } from './docker-save-check.ts';
import type { OpenLayout } from './open-layout.ts';
import { ReadAhead } from './read-ahead.ts';
import type { TarEntry } from './tar-index.ts';

/** Result of comparing the bytes outside of the contents. */
export interface Packing {
  /** True if another tool packed the archive; then only its content can be checked. */
  readonly byAnother: boolean;
  /** Differences from what this tool writes; if another tool packed it, only read errors. */
  readonly differences: readonly PackingDifference[];
}

export interface PackingDifference {
  /** Byte position in the archive. */
  readonly at: number;
  /** Description in one sentence. */
  readonly message: string;
}

/** Folders that other tools add as entries. */
const FOLDER = /^(?:blobs(?:\/[a-z0-9]+)?)?$/;

const METADATA: ReadonlySet<string> = new Set(['oci-layout', 'index.json', 'manifest.json']);

/** Bytes between two contents: padding after the first, header of the second. */
interface Gap {
  readonly from: number;
  readonly to: number;
  /** Bytes that this tool writes. */
  readonly expected: Uint8Array;
  /** Number of those that are padding. */
  readonly padding: number;
  /** Names of the previous and the next file, for messages. */
  readonly behind: string;
  readonly name?: string;
}

/**
 * Compares everything that no digest covers with what this tool writes: headers, padding, end marker and metadata
 * files. Since there is only one way to write them, single flipped bits are found. If most headers differ, another tool
 * packed the archive; then only the metadata files are compared, and only if it has an inventory.
 */
export async function checkPacking(file: RandomFile, layout: OpenLayout, contents: Contents): Promise<Packing> {
  const reader = new ReadAhead(file);
  const differences: PackingDifference[] = [];
  const unreadable: PackingDifference[] = [];
  let [own, others] = [0, 0];
  for (const gap of gapsOf(layout)) {
    try {
      const there = gap.to - gap.from === gap.expected.length ? await readGap(reader, file, gap) : undefined;
      differences.push(...differenceIn(gap, there));
      if (gap.name === undefined) continue;
      if (there !== undefined && firstDifference(there.subarray(gap.padding), gap.expected.subarray(gap.padding)) < 0)
        own++;
      else others++;
    } catch (error) {
      // Unreadable bytes are reported like damaged ones.
      const message = `cannot read the archive at byte ${gap.from}, after ${gap.behind}: ${messageOf(error)}`;
      unreadable.push({ at: gap.from, message });
    }
  }
  const byAnother = own <= others;
  const found = byAnother ? unreadable : [...unreadable, ...differences];
  if (byAnother && contents.lock === undefined) return { byAnother, differences: found };
  const metadata = await compareMetadata(file, layout);
  return { byAnother, differences: [...found, ...structureOf(layout, contents), ...metadata] };
}

/**
 * Finds content that other tools could read differently: unexpected files, and an index that is not byte for byte the
 * one generated from its parsed content. Reads no blobs. Archives without inventory are from other tools and not
 * checked.
 */
export function checkStructure(layout: OpenLayout, contents: Contents): readonly PackingDifference[] {
  return contents.lock === undefined ? [] : structureOf(layout, contents);
}

function structureOf(
  { files, folders, index }: OpenLayout,
  { images, charts, lock, referrers, signature }: Contents,
): PackingDifference[] {
  const strange = [...files, ...folders].filter(([name]) => !isBundleFile(name) && !FOLDER.test(name));
  return [
    ...strange.map(([name, { offset }]) => strangeFile(name, offset)),
    ...compare('index.json', index, indexFile(images, charts, lock, referrers, signature), files),
  ];
}

function gapsOf({ files, size }: OpenLayout): readonly Gap[] {
  const gaps: Gap[] = [];
  let [from, behind] = [0, 'the beginning'];
  for (const [name, place] of files) {
    const padding = paddingBehind(from);
    const expected = Buffer.concat([Buffer.alloc(padding), headerOf(name, place.size)]);
    const label = isBundleFile(name) ? name : quoted(name);
    gaps.push({ from, to: place.offset, expected, padding, behind, name: label });
    [from, behind] = [place.offset + place.size, label];
  }
  const padding = paddingBehind(from) + END;
  return [...gaps, { from, to: size, expected: Buffer.alloc(padding), padding, behind }];
}

async function readGap(reader: ReadAhead, file: RandomFile, { from, expected }: Gap): Promise<Uint8Array> {
  try {
    return await reader.read(from, expected.length);
  } catch {
    // The failing sector may be in the bytes that were read ahead.
    const bytes = Buffer.alloc(expected.length);
    return bytes.subarray(0, await file.read(bytes, from));
  }
}

/** @param actual undefined if the gap has another size than expected */
function differenceIn(
  { from, to, expected, padding, behind, name }: Gap,
  there: Uint8Array | undefined,
): PackingDifference[] {
  const what = name === undefined ? 'the end of the archive' : `the header of ${name}`;
  if (there === undefined) {
    return [
      {
        at: from,
        message: `${what} was changed: ${to - from} bytes follow ${behind}, expected ${expected.length}`,
      },
    ];
  }
  const within = firstDifference(there, expected);
  if (within < 0) return [];
  const at = from + within;
  if (within >= padding) return [{ at, message: `${what} was changed at byte ${at}` }];
  const message = `byte ${at} was changed; it is in the padding after ${behind}, so no content is affected`;
  return [{ at, message }];
}

function isBundleFile(name: string): boolean {
  return blobDigest(name) !== undefined || METADATA.has(name);
}

function strangeFile(name: string, at: number): PackingDifference {
  return { at, message: `unexpected file ${quoted(name)} at byte ${at}` };
}

/** Compares the serialization of metadata files with this tool's. Their content is checked elsewhere. */
async function compareMetadata(file: RandomFile, { files, dockerSave }: OpenLayout): Promise<PackingDifference[]> {
  const layout = files.get('oci-layout') as TarEntry;
  const said = Buffer.alloc(layout.size);
  await file.read(said, layout.offset).catch(() => 0);
  const saved = dockerSave === undefined ? undefined : readDockerSave(dockerSave);
  const found = compare('oci-layout', said, OCI_LAYOUT, files);
  if (dockerSave === undefined || saved === undefined) return found;
  return [...found, ...compare('manifest.json', dockerSave, Buffer.from(JSON.stringify(saved)), files)];
}

/** Compares a metadata file with the one that this tool writes. */
function compare(
  name: string,
  there: Uint8Array,
  expected: Uint8Array,
  files: ReadonlyMap<string, TarEntry>,
): PackingDifference[] {
  const within = there.length < expected.length ? firstDifference(there, expected) : firstDifference(expected, there);
  if (within < 0) return [];
  const at = (files.get(name)?.offset ?? 0) + within;
  return [{ at, message: `${name} was changed at byte ${at}` }];
}

function paddingBehind(end: number): number {
  return (BLOCK - (end % BLOCK)) % BLOCK;
}

/** Returns the index of the first different byte, or -1. */
function firstDifference(shorter: Uint8Array, longer: Uint8Array): number {
  return longer.findIndex((byte, at) => shorter[at] !== byte);
}
