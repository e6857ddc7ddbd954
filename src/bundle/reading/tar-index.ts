import { Header } from 'tar';
import { AirgapError, messageOf } from '../../base/errors.ts';
import { quoted } from '../../base/printable.ts';
import { withoutEnd } from '../../base/text-ends.ts';
import type { RandomFile } from '../files/random-file.ts';
import { BLOCK } from '../layout.ts';
import { type ExtendedHeader, readExtendedHeader } from './extended-header.ts';
import { ReadAhead } from './read-ahead.ts';

/** Where a file's content lies in an archive. */
export interface TarEntry {
  readonly offset: number;
  readonly size: number;
}

/** More files than any bundle has; an archive of empty entries does not go on for ever. */
const ENTRIES = 500_000;
/** Extended headers are a few hundred bytes; what is larger is no header. */
const EXTENDED = 64 * 1024;
const EMPTY = Buffer.alloc(BLOCK);
const REGULAR = new Set(['File', 'OldFile', 'ContiguousFile']);

/** An archive's content, and what keeps it from being a bundle. */
export interface TarIndex {
  /** Regular files by name, a `./` before it taken away. */
  readonly files: ReadonlyMap<string, TarEntry>;
  /** Folders in the same way, without the slash at the end. */
  readonly folders: ReadonlyMap<string, TarEntry>;
  /** The first link or device, which a layout has none of; other tools' archives do. */
  readonly special: string | undefined;
}

/**
 * Lists a tar archive without reading its bodies. The archive is not trusted: every header's checksum, every size, and
 * the end are checked, a name may be there once, and has one spelling: `y/../index.json` is `index.json` to some readers.
 * @throws AirgapError `bundle-invalid` that says what is wrong, and at which byte
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
    if (count > ENTRIES) throw invalid(path, `holds more than ${ENTRIES} entries`);
    const { name, size, type } = readHeader(block, path, at, extended);
    const offset = at + BLOCK;
    if (size > fileSize - offset) {
      throw invalid(
        path,
        `is cut off: ${quoted(name)} at byte ${at} has ${size} bytes, and the file ends at byte ${fileSize}`,
      );
    }
    at = offset + Math.ceil(size / BLOCK) * BLOCK;
    if (EXTENSIONS.has(type)) {
      if (size > EXTENDED) throw invalid(path, `has an extended header of ${size} bytes at byte ${offset - BLOCK}`);
      if (EXTENSIONS.get(type)?.(extended, await reader.read(offset, size)) === false)
        throw invalid(path, `has an extended header at byte ${offset - BLOCK} that readers read in different ways`);
      continue;
    }
    if (!isPlainName(name, type)) {
      throw invalid(path, `holds ${quoted(name)} at byte ${offset - BLOCK}, which is not the name of one file`);
    }
    if (extended.pax?.isSparse) special ??= `a sparse file, ${quoted(name)} at byte ${offset - BLOCK}`;
    delete extended.pax;
    delete extended.path;
    if (REGULAR.has(type)) {
      if (files.has(name)) throw invalid(path, `holds ${quoted(name)} twice`);
      files.set(name, { offset, size });
    } else if (type === 'Directory') {
      folders.set(withoutEnd(name, '/'), { offset, size });
    } else {
      special ??= `a ${type}, ${quoted(name)} at byte ${offset - BLOCK}`;
    }
  }
}

/** What stands before an entry and is for it: a pax header, or GNU's long name. */
interface Extended {
  pax?: ExtendedHeader;
  path?: string;
}

/** What each extended header is for; false for one that cannot be read. A global one, as git writes it, says nothing. */
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

/** Whether a name is what it stands for: no part of it is empty, `.` or `..`, and none of a file ends with a slash. */
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
  // The header's own idea of its path has the ustar prefix in it even where a pax path replaces both.
  const name = String(longPath ?? pax?.path ?? header.path ?? '').replace(/^(?:\.\/+)+/, '');
  const size = pax?.size ?? header.size ?? -1;
  if (!Number.isSafeInteger(size) || size < 0) {
    throw invalid(path, `has an impossible size for ${quoted(name)} at byte ${at}`);
  }
  return { name, size, type: header.type };
}

/** The sum of all bytes, with the checksum's own field as spaces. */
function fitsChecksum(block: Buffer): boolean {
  const stored = Number.parseInt(block.toString('latin1', 148, 156), 8);
  let sum = 8 * 0x20;
  for (let at = 0; at < BLOCK; at++) if (at < 148 || at >= 156) sum += block[at] as number;
  return sum === stored;
}

async function readBlock(reader: ReadAhead, path: string, at: number, fileSize: number): Promise<Buffer> {
  if (fileSize < BLOCK) throw invalid(path, 'is not a tar archive');
  if (at + BLOCK > fileSize)
    throw invalid(path, `is cut off: it ends at byte ${fileSize} without the end of an archive`);
  const block = await reader.read(at, BLOCK);
  if (block.length < BLOCK) throw invalid(path, `cannot be read at byte ${at}`);
  return block;
}

/** The error for an archive that is no usable bundle. */
export function invalid(path: string, what: string, hint?: string, cause?: unknown): AirgapError {
  return new AirgapError('bundle-invalid', `${path} ${what}`, { hint, cause });
}
