import { messageOf } from '../../base/errors.ts';
import { quoted } from '../../base/printable.ts';
import { TAR_BLOCK } from '../../base/tar-header.ts';
import { trimTrailing } from '../../base/text-trim.ts';
import { formatToolSums, TOOL_SUMS_NAME, TOOLS_FOLDER, toolPath } from '../../inventory/tool-names.ts';
import type { InventoryTool } from '../../inventory/tools.ts';
import type { RandomFile } from '../files/random-file.ts';
import { ReadAhead } from '../files/ranges.ts';
import { readDockerSave } from '../format/docker-save.ts';
import { blobDigest, TAR_END_SIZE, tarHeader } from '../format/layout.ts';
import { indexFile, OCI_LAYOUT } from '../format/metadata.ts';
import type { TarEntry } from '../format/tar-index.ts';
import type { IndexContents } from './contents.ts';
import { filesInOrder, type OpenLayout, readDockerSaveFile } from './open-layout.ts';

/** Result of comparing the bytes outside of the contents. */
export interface Packing {
  /** True if another tool packed the archive; then only its content can be checked. */
  readonly byOtherTool: boolean;
  /** Differences from what this tool writes; if another tool packed it, only read errors. */
  readonly differences: readonly PackingDifference[];
}

export interface PackingDifference {
  /** Byte position in the archive. */
  readonly position: number;
  /** Description in one sentence. */
  readonly message: string;
}

/** Folders that other tools add as entries. */
const BLOB_FOLDER = /^(?:blobs(?:\/[a-z0-9]+)?)?$/;

const METADATA_FILES: ReadonlySet<string> = new Set(['oci-layout', 'index.json', 'manifest.json']);

/** Bytes between two contents: padding after the first, header of the second. */
interface Gap {
  readonly from: number;
  readonly to: number;
  /** Bytes that this tool writes. */
  readonly expected: Uint8Array;
  /** Number of those that are padding. */
  readonly padding: number;
  /** Names of the previous and the next file, for messages. */
  readonly previous: string;
  readonly name?: string;
}

/**
 * Compares everything that no digest covers with what this tool writes: headers, padding, end marker and metadata
 * files. Since there is only one way to write them, single flipped bits are found. If most headers differ, another tool
 * packed the archive; then only the metadata files are compared, and only if it has an inventory.
 * @param tools of the inventory
 */
export async function checkPacking(
  file: RandomFile,
  path: string,
  layout: OpenLayout,
  contents: IndexContents,
  tools: readonly InventoryTool[] = [],
): Promise<Packing> {
  const reader = new ReadAhead(file);
  const differences: PackingDifference[] = [];
  const unreadable: PackingDifference[] = [];
  let [ownHeaders, otherHeaders] = [0, 0];
  for (const gap of gapsOf(layout, tools)) {
    try {
      const actual = gap.to - gap.from === gap.expected.length ? await readGap(reader, file, gap) : undefined;
      differences.push(...compareGap(gap, actual));
      if (gap.name === undefined) continue;
      if (actual !== undefined && firstDifference(actual.subarray(gap.padding), gap.expected.subarray(gap.padding)) < 0)
        ownHeaders++;
      else otherHeaders++;
    } catch (error) {
      // Unreadable bytes are reported like damaged ones.
      const message = `cannot read the archive at byte ${gap.from}, after ${gap.previous}: ${messageOf(error)}`;
      unreadable.push({ position: gap.from, message });
    }
  }
  const byOtherTool = ownHeaders <= otherHeaders;
  const found = byOtherTool ? unreadable : [...unreadable, ...differences];
  if (byOtherTool && contents.inventory === undefined) return { byOtherTool, differences: found };
  const metadata = await compareMetadata(file, path, layout);
  return { byOtherTool, differences: [...found, ...structureDifferences(layout, contents, tools), ...metadata] };
}

/**
 * Finds content that other tools could read differently: unexpected files, and an index that is not byte for byte the
 * one generated from its parsed content. Reads no blobs. Archives without inventory are from other tools and not
 * checked.
 */
export function checkStructure(
  layout: OpenLayout,
  contents: IndexContents,
  tools: readonly InventoryTool[],
): readonly PackingDifference[] {
  return contents.inventory === undefined ? [] : structureDifferences(layout, contents, tools);
}

function structureDifferences(
  { files, folders, index, toolSums = new Uint8Array() }: OpenLayout,
  { images, charts, inventory, referrers, signature }: IndexContents,
  tools: readonly InventoryTool[],
): PackingDifference[] {
  const toolPaths =
    tools.length === 0
      ? []
      : [trimTrailing(TOOLS_FOLDER, '/'), TOOL_SUMS_NAME, ...tools.map(({ name }) => toolPath(name))];
  const expected = new Set(toolPaths);
  const unexpected = [...files, ...folders].filter(
    ([name]) => !isBundleFile(name) && !BLOB_FOLDER.test(name) && !expected.has(name),
  );
  return [
    ...compareFile(TOOL_SUMS_NAME, toolSums, formatToolSums(tools), files),
    ...unexpected.map(([name, { offset }]) => unexpectedFile(name, offset)),
    ...compareFile('index.json', index, indexFile(images, charts, inventory, referrers, signature), files),
  ];
}

function gapsOf(layout: OpenLayout, tools: readonly InventoryTool[]): readonly Gap[] {
  const programs = new Set(tools.flatMap(({ name, executable }) => (executable ? [toolPath(name)] : [])));
  const gaps: Gap[] = [];
  let [from, previous] = [0, 'the beginning'];
  for (const [name, entry] of entriesInOrder(layout, tools)) {
    const padding = paddingAfter(from);
    const expected = Buffer.concat([
      Buffer.alloc(padding),
      tarHeader(name, entry.size, { isExecutable: programs.has(name) }),
    ]);
    const label = isBundleFile(name) ? name : quoted(name);
    gaps.push({ from, to: entry.offset, expected, padding, previous, name: label });
    [from, previous] = [entry.offset + entry.size, label];
  }
  const padding = paddingAfter(from) + TAR_END_SIZE;
  return [...gaps, { from, to: layout.size, expected: Buffer.alloc(padding), padding, previous }];
}

/** Returns the files and, if there are tools, their folder. */
function entriesInOrder(layout: OpenLayout, tools: readonly InventoryTool[]): [string, TarEntry][] {
  const files = filesInOrder(layout);
  const folder = tools.length === 0 ? undefined : layout.folders.get(trimTrailing(TOOLS_FOLDER, '/'));
  if (folder === undefined) return files;
  const next = files.findIndex(([, { offset }]) => offset > folder.offset);
  return files.toSpliced(next < 0 ? files.length : next, 0, [TOOLS_FOLDER, folder]);
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

/** Returns the first difference in a gap. @param actual undefined if the gap has another size than expected */
function compareGap(
  { from, to, expected, padding, previous, name }: Gap,
  actual: Uint8Array | undefined,
): PackingDifference[] {
  const subject = name === undefined ? 'the end of the archive' : `the header of ${name}`;
  if (actual === undefined) {
    return [
      {
        position: from,
        message: `${subject} was changed: ${to - from} bytes follow ${previous}, expected ${expected.length}`,
      },
    ];
  }
  const within = firstDifference(actual, expected);
  if (within < 0) return [];
  const position = from + within;
  if (within >= padding) return [{ position, message: `${subject} was changed at byte ${position}` }];
  const message = `byte ${position} was changed; it is in the padding after ${previous}, so no content is affected`;
  return [{ position, message }];
}

function isBundleFile(name: string): boolean {
  return blobDigest(name) !== undefined || METADATA_FILES.has(name);
}

function unexpectedFile(name: string, position: number): PackingDifference {
  return { position, message: `unexpected file ${quoted(name)} at byte ${position}` };
}

/** Compares the serialization of metadata files with this tool's. Their content is checked elsewhere. */
async function compareMetadata(file: RandomFile, path: string, layout: OpenLayout): Promise<PackingDifference[]> {
  const { files } = layout;
  const version = files.get('oci-layout') as TarEntry;
  const versionBytes = Buffer.alloc(version.size);
  await file.read(versionBytes, version.offset).catch(() => 0);
  const dockerSave = await readDockerSaveFile(file, path, layout);
  const saved = dockerSave === undefined ? undefined : readDockerSave(dockerSave);
  const found = compareFile('oci-layout', versionBytes, OCI_LAYOUT, files);
  if (dockerSave === undefined || saved === undefined) return found;
  return [...found, ...compareFile('manifest.json', dockerSave, Buffer.from(JSON.stringify(saved)), files)];
}

/** Compares a metadata file with the one that this tool writes. */
function compareFile(
  name: string,
  actual: Uint8Array,
  expected: Uint8Array,
  files: ReadonlyMap<string, TarEntry>,
): PackingDifference[] {
  const within =
    actual.length < expected.length ? firstDifference(actual, expected) : firstDifference(expected, actual);
  if (within < 0) return [];
  const position = (files.get(name)?.offset ?? 0) + within;
  return [{ position, message: `${name} was changed at byte ${position}` }];
}

function paddingAfter(end: number): number {
  return (TAR_BLOCK - (end % TAR_BLOCK)) % TAR_BLOCK;
}

/** Returns the index of the first different byte, or -1. */
function firstDifference(shorter: Uint8Array, longer: Uint8Array): number {
  return longer.findIndex((byte, index) => shorter[index] !== byte);
}
