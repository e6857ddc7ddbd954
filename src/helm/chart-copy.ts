import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { constants, gunzip, gzip } from 'node:zlib';
import { Header } from 'tar';

const BLOCK = 512;

/**
 * A copy of a chart archive with one more file. Nothing is unpacked: hundreds of small files on a disk cost more than
 * Helm's own work. The copy is stored, not compressed, since it is read at once and thrown away.
 * @param path of the new file in the archive, with the chart's folder
 */
export async function withFile(archive: string, path: string, text: string): Promise<Buffer> {
  const tar = await promisify(gunzip)(await readFile(archive));
  const body = Buffer.from(text);
  const header = Buffer.alloc(BLOCK);
  new Header({ path, type: 'File', size: body.length, mode: 0o644, mtime: new Date(0) }).encode(header);
  const padding = Buffer.alloc(-body.length & (BLOCK - 1));
  const whole = Buffer.concat([tar.subarray(0, endOf(tar)), header, body, padding, Buffer.alloc(2 * BLOCK)]);
  return promisify(gzip)(whole, { level: constants.Z_NO_COMPRESSION });
}

/** Where the last entry of a tar ends: before the first block of zeros that stands where a header would. */
function endOf(tar: Buffer): number {
  let at = 0;
  while (at + BLOCK <= tar.length && tar.readUInt8(at) !== 0) {
    const { size = 0 } = new Header(tar, at);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return Math.min(at, tar.length);
}
