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
  const header = Buffer.alloc(512);
  header.write(path, 0);
  header.write('0000644', 100);
  header.write(content.length.toString(8).padStart(11, '0'), 124);
  header.write('00000000000', 136);
  header.write('        0', 148);
  header[156] = type.charCodeAt(0);
  header.write(link, 157);
  header.write('ustar', 257);
  header.write('00', 263);
  header[155] = 0x20;
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
}
