import { basename, dirname, join } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { invalidBundle } from './errors.ts';
import { type FileParts, singleFile } from './random-file.ts';

/** A part of a split bundle. The concatenated parts are the tar archive. */
export interface BundlePart {
  /** File name; parts are in the same folder as the index. */
  readonly name: string;
  readonly size: number;
  /** SHA-256 of the part in hexadecimal, as `sha256sum` prints it. */
  readonly sha256: string;
}

/** Index of a split bundle: a JSON file that lists its parts. */
export interface SplitIndex {
  readonly schemaVersion: 1;
  /** Total bytes of all parts. */
  readonly size: number;
  /** Bytes of every part except the last. */
  readonly partSize: number;
  readonly parts: readonly BundlePart[];
  /** Hash of the first bytes, which distinguishes bundles with parts of the same sizes. Absent in older indexes. */
  readonly head?: BundleHead;
}

/** Size and hash of the first bytes of a bundle. */
export interface BundleHead {
  readonly size: number;
  /** SHA-256 in hexadecimal. */
  readonly sha256: string;
}

/** Maximum number of parts. Part numbers have three digits, so that sorting by name gives the order of parts. */
const MAX_PARTS = 999;
const INDEX_SUFFIX = '.parts.json';
const PART_SUFFIX = /\.\d{3}$/;
const SHA256 = /^[0-9a-f]{64}$/;

/** Returns the path of a bundle's split index: `NAME.parts.json`. */
export function splitIndexPath(path: string): string {
  return `${path}${INDEX_SUFFIX}`;
}

/** Returns the bundle's path for that of its index or of a part; other paths are returned unchanged. */
export function bundleName(path: string): string {
  return path.endsWith(INDEX_SUFFIX) ? path.slice(0, -INDEX_SUFFIX.length) : path.replace(PART_SUFFIX, '');
}

/** Reports whether a file name is that of a part of the bundle: `NAME.001`. */
export function isPartOf(path: string, file: string): boolean {
  return file.startsWith(`${basename(path)}.`) && PART_SUFFIX.test(file) && bundleName(file) === basename(path);
}

/**
 * Returns the paths for a bundle of `size` bytes: a single file, or parts `NAME.001`, `NAME.002` … if it exceeds
 * `splitSize`.
 * @throws AirgapError `usage` for more than 999 parts
 */
export function planFileParts(path: string, size: number, splitSize = Number.POSITIVE_INFINITY): FileParts {
  if (size <= splitSize) return singleFile(path);
  const count = Math.ceil(size / splitSize);
  if (count > MAX_PARTS) {
    throw new AirgapError(
      'usage',
      `${size} bytes in parts of ${splitSize} bytes would need ${count} parts; the limit is ${MAX_PARTS}`,
      {
        hint: `use a --split-size of at least ${Math.ceil(size / MAX_PARTS)} bytes`,
      },
    );
  }
  return { paths: partNames(count).map((suffix) => `${path}${suffix}`), partSize: splitSize };
}

/** Returns the bytes of a part by its index. */
export function partSizeAt(size: number, partSize: number, index: number): number {
  // For a single file, partSize is infinite, and 0 * Infinity would be NaN.
  return Math.min(partSize, index === 0 ? size : size - index * partSize);
}

/** Formats the index file. */
export function formatSplitIndex(index: SplitIndex): string {
  return `${JSON.stringify(index, null, 2)}\n`;
}

/**
 * Parses an untrusted index: the names of parts must match their numbers, and sizes must be consistent.
 * @param path path of the index; the parts are in the same folder
 * @throws AirgapError `bundle-invalid`
 */
export function parseSplitIndex(
  path: string,
  text: string,
): { readonly index: SplitIndex; readonly fileParts: FileParts } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalidBundle(path, 'is not JSON', 'give the index that helm airgap bundle --split-size wrote', cause);
  }
  const { schemaVersion, size, partSize, parts, head } = Object(json) as Partial<Record<keyof SplitIndex, unknown>>;
  if (schemaVersion !== 1) {
    throw invalidBundle(path, 'is not a split index of version 1, which this helm airgap reads');
  }
  if (!isPositiveInteger(size) || !isPositiveInteger(partSize) || !Array.isArray(parts))
    throw invalidBundle(path, 'has no valid size, partSize or parts');
  if (parts.length > MAX_PARTS || parts.length !== Math.ceil(size / partSize)) {
    throw invalidBundle(
      path,
      `lists ${parts.length} parts, which does not match ${size} bytes in parts of ${partSize}`,
    );
  }
  const stem = basename(bundleName(path));
  const names = partNames(parts.length).map((suffix) => `${stem}${suffix}`);
  const checked = names.map((name, number): BundlePart => {
    const part = Object(parts[number]) as Partial<Record<keyof BundlePart, unknown>>;
    if (part.name !== name) {
      throw invalidBundle(path, `lists another name instead of ${name}`, RENAMED_HINT);
    }
    if (part.size !== partSizeAt(size, partSize, number))
      throw invalidBundle(path, `has a wrong size for part ${name}`);
    if (typeof part.sha256 !== 'string' || !SHA256.test(part.sha256))
      throw invalidBundle(path, `has no valid sha256 for part ${name}`);
    return { name, size: part.size as number, sha256: part.sha256 };
  });
  const fileParts = { paths: names.map((name) => join(dirname(path), name)), partSize };
  const checkedHead = head === undefined ? undefined : parseHead(path, head, size);
  return { index: { schemaVersion: 1, size, partSize, parts: checked, head: checkedHead }, fileParts };
}

function parseHead(path: string, value: unknown, size: number): BundleHead {
  const { size: bytes, sha256 } = Object(value) as Partial<Record<keyof BundleHead, unknown>>;
  if (!isPositiveInteger(bytes) || bytes > size || typeof sha256 !== 'string' || !SHA256.test(sha256))
    throw invalidBundle(path, 'has no valid sha256 of the head');
  return { size: bytes, sha256 };
}

const RENAMED_HINT = 'the index and the parts of a split bundle must have their original names';

function isPositiveInteger(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function partNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `.${String(index + 1).padStart(3, '0')}`);
}
