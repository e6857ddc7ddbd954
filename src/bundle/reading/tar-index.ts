import { Header } from 'tar';
import { AirgapError, messageOf } from '../../base/errors.ts';
import { quoted } from '../../base/printable.ts';
import { withoutEnd } from '../../base/text-ends.ts';
import type { RandomFile } from '../files/random-file.ts';
import { BLOCK } from '../layout.ts';
import { type ExtendedHeader, readExtendedHeader } from './extended-header.ts';
import { ReadAhead } from './read-ahead.ts';

/** Offset and size of a file's content in an archive. */
export interface TarEntry {
  readonly offset: number;
  readonly size: number;
}

/** Maximum number of entries, above that of any bundle. Bounds the time for hostile archives of empty entries. */
const ENTRIES = 500_000;
/** Maximum size of an extended header; usual ones have a few hundred bytes. */
const EXTENDED = 64 * 1024;
const EMPTY = Buffer.alloc(BLOCK);
const REGULAR = new Set(['File', 'OldFile', 'ContiguousFile']);

/** Table of contents of an archive. */
export interface TarIndex {
  /** Regular files by name, without leading `./`. */
  readonly files: ReadonlyMap<string, TarEntry>;
  /** Folders by name, without leading `./` and trailing slash. */
  readonly folders: ReadonlyMap<string, TarEntry>;
  /** Description of the first link or device, which a layout must not have. */
  readonly special: string | undefined;
}

/**
 * Lists an untrusted tar archive without reading its contents. Checks the checksums of headers, sizes and the end
 * marker. Names must be unique and canonical: some readers resolve `y/../index.json` to `index.json`.
 * @throws AirgapError `bundle-invalid` with the byte position
 */
export async function indexTar(file: RandomFile, path: string, fileSize: number): Promise<TarIndex> {
  const files = new Map<string, TarEntry>();
  const folders = new Map<string, TarEntry>();
  const extended: Extended = {};
  const reader = new ReadAhead(file);
  let special: string | undefined;
  for (let at = 0, count = 0; ; count++) {
    const block = await readBlock(reader, path, at, fileSize);
    if (block.equals(EMPTY)) return { files, folders, special };
    if (count > ENTRIES) throw invalid(path, `contains more than ${ENTRIES} entries`);
    const { name, size, type } = readHeader(block, path, at, extended);
    const offset = at + BLOCK;
    if (size > fileSize - offset) {
      throw invalid(
        path,
        `is truncated: ${quoted(name)} at byte ${at} has ${size} bytes, but the file ends at byte ${fileSize}`,
      );
    }
    at = offset + Math.ceil(size / BLOCK) * BLOCK;
    if (EXTENSIONS.has(type)) {
      if (size > EXTENDED) throw invalid(path, `has an extended header of ${size} bytes at byte ${offset - BLOCK}`);
      if (EXTENSIONS.get(type)?.(extended, await reader.read(offset, size)) === false)
        throw invalid(path, `has an extended header at byte ${offset - BLOCK} that readers interpret differently`);
      continue;
    }
    if (!isPlainName(name, type)) {
      throw invalid(path, `contains ${quoted(name)} at byte ${offset - BLOCK}, which is not a canonical file name`);
    }
    if (extended.pax?.isSparse) special ??= `a sparse file, ${quoted(name)} at byte ${offset - BLOCK}`;
    delete extended.pax;
    delete extended.path;
    if (REGULAR.has(type)) {
      if (files.has(name)) throw invalid(path, `contains ${quoted(name)} twice`);
      files.set(name, { offset, size });
    } else if (type === 'Directory') {
      folders.set(withoutEnd(name, '/'), { offset, size });
    } else {
      special ??= `a ${type}, ${quoted(name)} at byte ${offset - BLOCK}`;
    }
  }
}

/** Extensions that apply to the next entry: a pax header or GNU long name. */
interface Extended {
  pax?: ExtendedHeader;
  path?: string;
}

/**
 * Handlers of extended headers; they return false for invalid ones. Global headers, as git writes them, are ignored.
 */
const EXTENSIONS = new Map<string, (extended: Extended, body: Buffer) => boolean>([
  [
    'ExtendedHeader',
    (extended, body) => {
      const read = readExtendedHeader(body);
      if (read !== undefined) extended.pax = read;
      return read !== undefined;
    },
  ],
  [
    'NextFileHasLongPath',
    (extended, body) => {
      extended.path = body.toString('utf8').replace(/\0.*/s, '');
      return true;
    },
  ],
  ['NextFileHasLongLinkpath', () => true],
  ['GlobalExtendedHeader', () => true],
]);

/** Reports whether a name is canonical: no component is empty, `.` or `..`, and only folders end with a slash. */
function isPlainName(name: string, type: string): boolean {
  const plain = type === 'Directory' ? withoutEnd(name, '/') : name;
  if (type === 'Directory' && (plain === '' || plain === '.')) return true;
  return plain.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

function readHeader(
  block: Buffer,
  path: string,
  at: number,
  { pax, path: longPath }: Extended,
): { name: string; size: number; type: string } {
  if (!fitsChecksum(block)) {
    throw invalid(
      path,
      at === 0 ? 'is not a tar archive' : `is damaged: the header at byte ${at} has a wrong checksum`,
    );
  }
  let header: Header;
  try {
    header = new Header(block, 0);
  } catch (cause) {
    throw invalid(path, `has a header at byte ${at} that cannot be read: ${messageOf(cause)}`);
  }
  // `header.path` includes the ustar prefix, which a pax path replaces as well.
  const name = String(longPath ?? pax?.path ?? header.path ?? '').replace(/^(?:\.\/+)+/, '');
  const size = pax?.size ?? header.size ?? -1;
  if (!Number.isSafeInteger(size) || size < 0) {
    throw invalid(path, `has an impossible size for ${quoted(name)} at byte ${at}`);
  }
  return { name, size, type: header.type };
}

/** Checks the sum of all bytes, counting the checksum field itself as spaces. */
function fitsChecksum(block: Buffer): boolean {
  const stored = Number.parseInt(block.toString('latin1', 148, 156), 8);
  let sum = 8 * 0x20;
  for (let at = 0; at < BLOCK; at++) if (at < 148 || at >= 156) sum += block[at] as number;
  return sum === stored;
}

async function readBlock(reader: ReadAhead, path: string, at: number, fileSize: number): Promise<Buffer> {
  if (fileSize < BLOCK) throw invalid(path, 'is not a tar archive');
  if (at + BLOCK > fileSize)
    throw invalid(path, `is truncated: it ends at byte ${fileSize} without an end-of-archive marker`);
  const block = await reader.read(at, BLOCK);
  if (block.length < BLOCK) throw invalid(path, `cannot be read at byte ${at}`);
  return block;
}

/** Creates the error for an invalid bundle. */
export function invalid(path: string, what: string, hint?: string, cause?: unknown): AirgapError {
  return new AirgapError('bundle-invalid', `${path} ${what}`, { hint, cause });
}
