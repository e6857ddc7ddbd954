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

/** How the entries of an archive lie in it. */
export interface Packing {
  /** Another tool has packed it, or packed it again: then only its content can be checked. */
  readonly byAnother: boolean;
  /** What is not as this tool wrote it; when another did, only what cannot be read. */
  readonly differences: readonly PackingDifference[];
}

export interface PackingDifference {
  /** Byte of the archive. */
  readonly at: number;
  /** In one sentence. */
  readonly message: string;
}

/** Folders that other tools list, and this one does not. */
const FOLDER = /^(?:blobs(?:\/[a-z0-9]+)?)?$/;

const METADATA: ReadonlySet<string> = new Set(['oci-layout', 'index.json', 'manifest.json']);

/** The bytes between two contents: padding behind the one, the header of the next. */
interface Gap {
  readonly from: number;
  readonly to: number;
  /** As this tool writes it. */
  readonly expected: Uint8Array;
  /** How much of that is padding. */
  readonly padding: number;
  /** The names of both, fit for a message. */
  readonly behind: string;
  readonly name?: string;
}

/**
 * Compares everything in an archive that no digest covers with what this tool writes: headers, padding, the end, and the
 * files that say what is in it. There is one way to write them, so a single bit that is turned over there is found too.
 * An archive most of whose headers are others is somebody else's, and nothing is wrong with that; what it holds is compared
 * all the same where it has a lock.
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
      // What the medium does not give is damaged like anything else.
      const message = `the archive cannot be read at byte ${gap.from}, behind ${gap.behind}: ${messageOf(error)}`;
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
 * What in a bundle may be read in another way by other tools, without reading any content: files that no bundle has, and an
 * index that is not byte for byte what is written for what was read out of it. An archive without a lock is another tool's,
 * and may have what it likes.
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
    // What cannot be read may be what is read ahead.
    const bytes = Buffer.alloc(expected.length);
    return bytes.subarray(0, await file.read(bytes, from));
  }
}

/** @param there undefined where the gap is larger or smaller than it should be */
function differenceIn(
  { from, to, expected, padding, behind, name }: Gap,
  there: Uint8Array | undefined,
): PackingDifference[] {
  const what = name === undefined ? 'the end of the archive' : `the header of ${name}`;
  if (there === undefined) {
    return [
      {
        at: from,
        message: `${what} is not what was written: ${to - from} bytes follow ${behind}, not ${expected.length}`,
      },
    ];
  }
  const within = firstDifference(there, expected);
  if (within < 0) return [];
  const at = from + within;
  if (within >= padding) return [{ at, message: `${what} is not what was written, at byte ${at}` }];
  const message = `byte ${at} is not what was written; it is in the padding behind ${behind}, whose content it does not touch`;
  return [{ at, message }];
}

function isBundleFile(name: string): boolean {
  return blobDigest(name) !== undefined || METADATA.has(name);
}

function strangeFile(name: string, at: number): PackingDifference {
  return { at, message: `it holds ${quoted(name)} at byte ${at}, which no bundle has` };
}

/** What these files say is checked elsewhere; that they say it as this tool does, and nothing else, is checked here. */
async function compareMetadata(file: RandomFile, { files, dockerSave }: OpenLayout): Promise<PackingDifference[]> {
  const layout = files.get('oci-layout') as TarEntry;
  const said = Buffer.alloc(layout.size);
  await file.read(said, layout.offset).catch(() => 0);
  const saved = dockerSave === undefined ? undefined : readDockerSave(dockerSave);
  const found = compare('oci-layout', said, OCI_LAYOUT, files);
  if (dockerSave === undefined || saved === undefined) return found;
  return [...found, ...compare('manifest.json', dockerSave, Buffer.from(JSON.stringify(saved)), files)];
}

/** One file of metadata with what this tool writes. */
function compare(
  name: string,
  there: Uint8Array,
  expected: Uint8Array,
  files: ReadonlyMap<string, TarEntry>,
): PackingDifference[] {
  const within = there.length < expected.length ? firstDifference(there, expected) : firstDifference(expected, there);
  if (within < 0) return [];
  const at = (files.get(name)?.offset ?? 0) + within;
  return [{ at, message: `${name} is not what was written, at byte ${at}` }];
}

function paddingBehind(end: number): number {
  return (BLOCK - (end % BLOCK)) % BLOCK;
}

/** Where the longer one is another, or -1. */
function firstDifference(shorter: Uint8Array, longer: Uint8Array): number {
  return longer.findIndex((byte, at) => shorter[at] !== byte);
}
