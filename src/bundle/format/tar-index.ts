import { Header } from 'tar';
import { messageOf } from '../../base/errors.ts';
import { quoted } from '../../base/printable.ts';
import { FILE_TYPES, gnuLongName, hasValidChecksum, TAR_BLOCK } from '../../base/tar-header.ts';
import { trimTrailing } from '../../base/text-trim.ts';
import { invalidBundle } from '../files/errors.ts';
import type { RandomFile } from '../files/random-file.ts';
import { ReadAhead } from '../files/ranges.ts';

/** Offset and size of a file's content in an archive. */
export interface TarEntry {
  readonly offset: number;
  readonly size: number;
}

/** Maximum number of entries, above that of any bundle. Bounds the time for hostile archives of empty entries. */
const MAX_ENTRIES = 500_000;
/** Maximum size of an extended header; usual ones have a few hundred bytes. */
const MAX_EXTENDED_HEADER = 64 * 1024;
const EMPTY_BLOCK = Buffer.alloc(TAR_BLOCK);

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
  const pending: PendingExtensions = {};
  const reader = new ReadAhead(file);
  let special: string | undefined;
  for (let position = 0, count = 0; ; count++) {
    const block = await readBlock(reader, path, position, fileSize);
    if (block.equals(EMPTY_BLOCK)) return { files, folders, special };
    if (count > MAX_ENTRIES) throw invalidBundle(path, `contains more than ${MAX_ENTRIES} entries`);
    const { name, size, type } = readHeader(block, path, position, pending);
    const offset = position + TAR_BLOCK;
    if (size > fileSize - offset) {
      throw invalidBundle(
        path,
        `is truncated: ${quoted(name)} at byte ${position} has ${size} bytes, but the file ends at byte ${fileSize}`,
      );
    }
    position = offset + Math.ceil(size / TAR_BLOCK) * TAR_BLOCK;
    if (EXTENSIONS.has(type)) {
      if (size > MAX_EXTENDED_HEADER)
        throw invalidBundle(path, `has an extended header of ${size} bytes at byte ${offset - TAR_BLOCK}`);
      if (EXTENSIONS.get(type)?.(pending, await reader.read(offset, size)) === false)
        throw invalidBundle(
          path,
          `has an extended header at byte ${offset - TAR_BLOCK} that readers interpret differently`,
        );
      continue;
    }
    if (!isPlainName(name, type)) {
      throw invalidBundle(
        path,
        `contains ${quoted(name)} at byte ${offset - TAR_BLOCK}, which is not a canonical file name`,
      );
    }
    if (pending.pax?.isSparse) special ??= `a sparse file, ${quoted(name)} at byte ${offset - TAR_BLOCK}`;
    delete pending.pax;
    delete pending.path;
    if (FILE_TYPES.has(type)) {
      if (files.has(name)) throw invalidBundle(path, `contains ${quoted(name)} twice`);
      files.set(name, { offset, size });
    } else if (type === 'Directory') {
      folders.set(trimTrailing(name, '/'), { offset, size });
    } else {
      special ??= `a ${type}, ${quoted(name)} at byte ${offset - TAR_BLOCK}`;
    }
  }
}

/** Extensions that apply to the next entry: a pax header or GNU long name. */
interface PendingExtensions {
  pax?: ExtendedHeader;
  path?: string;
}

/**
 * Handlers of extended headers; they return false for invalid ones. Global headers, as git writes them, are ignored.
 */
const EXTENSIONS = new Map<string, (pending: PendingExtensions, body: Buffer) => boolean>([
  [
    'ExtendedHeader',
    (pending, body) => {
      const header = readExtendedHeader(body);
      if (header !== undefined) pending.pax = header;
      return header !== undefined;
    },
  ],
  [
    'NextFileHasLongPath',
    (pending, body) => {
      pending.path = gnuLongName(body);
      return true;
    },
  ],
  ['NextFileHasLongLinkpath', () => true],
  ['GlobalExtendedHeader', () => true],
]);

/** Reports whether a name is canonical: no component is empty, `.` or `..`, and only folders end with a slash. */
function isPlainName(name: string, type: string): boolean {
  const plain = type === 'Directory' ? trimTrailing(name, '/') : name;
  if (type === 'Directory' && (plain === '' || plain === '.')) return true;
  return plain.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

function readHeader(
  block: Buffer,
  path: string,
  position: number,
  { pax, path: longPath }: PendingExtensions,
): { name: string; size: number; type: string } {
  if (!hasValidChecksum(block)) {
    throw invalidBundle(
      path,
      position === 0 ? 'is not a tar archive' : `is damaged: the header at byte ${position} has a wrong checksum`,
    );
  }
  let header: Header;
  try {
    header = new Header(block, 0);
  } catch (cause) {
    throw invalidBundle(path, `has a header at byte ${position} that cannot be read: ${messageOf(cause)}`);
  }
  // `header.path` includes the ustar prefix, which a pax path replaces as well.
  const name = String(longPath ?? pax?.path ?? header.path ?? '').replace(/^(?:\.\/+)+/, '');
  const size = pax?.size ?? header.size ?? -1;
  if (!Number.isSafeInteger(size) || size < 0) {
    throw invalidBundle(path, `has an impossible size for ${quoted(name)} at byte ${position}`);
  }
  return { name, size, type: header.type };
}

async function readBlock(reader: ReadAhead, path: string, position: number, fileSize: number): Promise<Buffer> {
  if (fileSize < TAR_BLOCK) throw invalidBundle(path, 'is not a tar archive');
  if (position + TAR_BLOCK > fileSize)
    throw invalidBundle(path, `is truncated: it ends at byte ${fileSize} without an end-of-archive marker`);
  const block = await reader.read(position, TAR_BLOCK);
  if (block.length < TAR_BLOCK) throw invalidBundle(path, `cannot be read at byte ${position}`);
  return block;
}

/** Fields of an extended header (POSIX.1-2001, pax) that apply to the following entry. */
export interface ExtendedHeader {
  readonly path?: string;
  readonly size?: number;
  /** True for sparse files, whose name and size Go's reader takes from records that are not parsed here. */
  readonly isSparse: boolean;
}

/**
 * Parses the records of an extended header, `LENGTH KEY=VALUE` and a line feed each, by their lengths, as Go does.
 * Readers that split at lines or accept other spellings of lengths would see another archive, so ambiguous headers are
 * rejected.
 * @returns undefined for an ambiguous or malformed header
 */
export function readExtendedHeader(body: Buffer): ExtendedHeader | undefined {
  const records = new Map<string, string>();
  for (let position = 0; position < body.length; ) {
    const [head, digits = ''] = /^([1-9]\d{0,5}) /.exec(body.toString('latin1', position, position + 7)) ?? [];
    const end = position + Number(digits);
    if (head === undefined || end > body.length || body[end - 1] !== 0x0a) return undefined;
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(body.toString('utf8', position + head.length, end - 1)) ?? [];
    if (key === undefined || value === undefined || records.has(key)) return undefined;
    records.set(key, value);
    position = end;
  }
  const path = records.get('path');
  const size = records.get('size');
  if (path !== undefined && !/^[^\n\0]+$/.test(path)) return undefined;
  if (size !== undefined && !/^\d{1,15}$/.test(size)) return undefined;
  return {
    path,
    size: size === undefined ? undefined : Number(size),
    isSparse: [...records.keys()].some((key) => key.startsWith('GNU.sparse.')),
  };
}
