import { basename, dirname, join } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { invalid } from '../reading/tar-index.ts';
import { type FilePlaces, singleFile } from './random-file.ts';

/** One part of a split bundle. The parts, one after the other, are the bundle's tar. */
export interface Part {
  /** File name, without a folder: parts lie beside the index. */
  readonly name: string;
  readonly size: number;
  /** Of the part's bytes, in hex, as `sha256sum` prints it. */
  readonly sha256: string;
}

/** The file beside the parts of a bundle that says which they are, in JSON. */
export interface SplitIndex {
  readonly schemaVersion: 1;
  /** Bytes of all parts together. */
  readonly size: number;
  /** Bytes of every part but the last, which has the rest. */
  readonly partSize: number;
  readonly parts: readonly Part[];
  /** The first bytes of the bundle, which say what is in it: by these it is told from another bundle. Older ones lack it. */
  readonly head?: Head;
}

export interface Head {
  readonly size: number;
  /** In hex. */
  readonly sha256: string;
}

/** Part numbers have three digits, so that the shell's order is the parts' order. */
const PARTS = 999;
const INDEX_SUFFIX = '.parts.json';
const PART_SUFFIX = /\.\d{3}$/;
const SHA256 = /^[0-9a-f]{64}$/;

/** The index of a bundle's parts: `NAME.parts.json`. */
export function splitIndexPath(path: string): string {
  return `${path}${INDEX_SUFFIX}`;
}

/** The bundle's name, from that of its index or of one of its parts; any other name as it is. */
export function bundleName(path: string): string {
  return path.endsWith(INDEX_SUFFIX) ? path.slice(0, -INDEX_SUFFIX.length) : path.replace(PART_SUFFIX, '');
}

/** Whether a file is called like a part of a bundle: `NAME.001`. */
export function isPartOf(path: string, file: string): boolean {
  return file.startsWith(`${basename(path)}.`) && PART_SUFFIX.test(file) && bundleName(file) === basename(path);
}

/**
 * Where so many bytes go: a file, or parts `NAME.001`, `NAME.002` … where they do not fit into one.
 * @throws AirgapError `usage` when that would be more than 999 parts
 */
export function placesOf(path: string, size: number, splitSize = Number.POSITIVE_INFINITY): FilePlaces {
  if (size <= splitSize) return singleFile(path);
  const count = Math.ceil(size / splitSize);
  if (count > PARTS) {
    throw new AirgapError(
      'usage',
      `${size} bytes in parts of ${splitSize} are ${count} parts, and ${PARTS} is the most`,
      {
        hint: `give a --split-size of at least ${Math.ceil(size / PARTS)} bytes`,
      },
    );
  }
  return { paths: partNames(count).map((suffix) => `${path}${suffix}`), partSize: splitSize };
}

/** The bytes of a part, by its place among the others. */
export function partBytes(size: number, partSize: number, at: number): number {
  // Of a single file the size is infinite, and no number times that.
  return Math.min(partSize, at === 0 ? size : size - at * partSize);
}

/** The index as it is written. */
export function formatSplitIndex(index: SplitIndex): string {
  return `${JSON.stringify(index, null, 2)}\n`;
}

/**
 * Reads an index, which is not trusted: names are those that the numbers give, beside the index, and the sizes are what
 * a split makes.
 * @returns the index, and where its parts are
 * @throws AirgapError `bundle-invalid`
 */
export function parseSplitIndex(
  path: string,
  text: string,
): { readonly index: SplitIndex; readonly places: FilePlaces } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid(path, 'is not JSON', 'it has to be the index that helm airgap bundle --split-size wrote', cause);
  }
  const { schemaVersion, size, partSize, parts, head } = Object(json) as Partial<Record<keyof SplitIndex, unknown>>;
  if (schemaVersion !== 1) {
    throw invalid(path, 'is no index of a split bundle in version 1, which this helm airgap reads');
  }
  if (!isCount(size) || !isCount(partSize) || !Array.isArray(parts)) throw invalid(path, 'does not say its sizes');
  if (parts.length > PARTS || parts.length !== Math.ceil(size / partSize)) {
    throw invalid(path, `lists ${parts.length} parts, and ${size} bytes in parts of ${partSize} are not that many`);
  }
  const stem = basename(bundleName(path));
  const names = partNames(parts.length).map((suffix) => `${stem}${suffix}`);
  const checked = names.map((name, at): Part => {
    const part = Object(parts[at]) as Partial<Record<keyof Part, unknown>>;
    if (part.name !== name) {
      throw invalid(path, `names another part than ${name} in that place`, RENAMED);
    }
    if (part.size !== partBytes(size, partSize, at)) throw invalid(path, `has a wrong size for part ${name}`);
    if (typeof part.sha256 !== 'string' || !SHA256.test(part.sha256))
      throw invalid(path, `has no sha256 of part ${name}`);
    return { name, size: part.size as number, sha256: part.sha256 };
  });
  const places = { paths: names.map((name) => join(dirname(path), name)), partSize };
  const begins = head === undefined ? {} : { head: headOf(path, head, size) };
  return { index: { schemaVersion: 1, size, partSize, parts: checked, ...begins }, places };
}

function headOf(path: string, value: unknown, size: number): Head {
  const { size: bytes, sha256 } = Object(value) as Partial<Record<keyof Head, unknown>>;
  if (!isCount(bytes) || bytes > size || typeof sha256 !== 'string' || !SHA256.test(sha256))
    throw invalid(path, 'has no sha256 of the beginning');
  return { size: bytes, sha256 };
}

const RENAMED =
  'a split bundle keeps its names: give the index and the parts back the ones that they were written with';

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function partNames(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `.${String(at + 1).padStart(3, '0')}`);
}
