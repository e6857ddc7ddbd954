/** One entry of a synthetic archive. */
export interface TarFile {
  readonly path: string;
  readonly content?: Buffer | string;
  /** Target of a symbolic link, instead of a file. */
  readonly link?: string;
}

/** Builds a tar archive (POSIX.1-2001): long paths in a pax header before the entry. */
export function tarOf(files: readonly TarFile[]): Buffer {
  const parts = files.flatMap(({ path, content = '', link }) => {
    const bytes = Buffer.from(content);
    const isLong = path.length > 100;
    const record = ` path=${path}\n`;
    const length = record.length + String(record.length + 3).length;
    const pax = isLong ? entry('pax', 'x', '', Buffer.from(`${length}${record}`)) : [];
    return [...pax, ...entry(path.slice(0, 100), link === undefined ? '0' : '2', link ?? '', bytes)];
  });
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

function entry(path: string, type: string, link: string, content: Buffer): Buffer[] {
  const size = content.length;
  return [tarHeader({ path, size, type, link }), content, Buffer.alloc((512 - (size % 512)) % 512)];
}

/** Builds the header of an entry: of a regular file unless a type is given, owned by root, without a time. */
export function tarHeader(entry: {
  readonly path: string;
  readonly size: number;
  readonly type?: string;
  readonly link?: string;
}): Buffer {
  const { path, size, type = '0', link = '' } = entry;
  const header = Buffer.alloc(512);
  header.write(path, 0);
  header.write('0000644', 100);
  header.write('0000000', 108);
  header.write('0000000', 116);
  header.write(size.toString(8).padStart(11, '0'), 124);
  header.write('00000000000', 136);
  // The checksum counts its own field as blanks.
  header.write('        ', 148);
  header.write(type, 156);
  header.write(link, 157);
  header.write('ustar', 257);
  header.write('00', 263);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}
