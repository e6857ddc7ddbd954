import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { constants, gunzip, gzip } from 'node:zlib';
import { Header } from 'tar';
import { UNPACKED_LIMIT } from './chart-entries.ts';

const BLOCK = 512;

/**
 * A copy of a chart archive with one more file. Nothing is unpacked: hundreds of small files on a disk cost more than
 * Helm's own work. The copy is stored, not compressed, since it is read at once and thrown away.
 *
 * The file comes first, and the archive's own bytes follow as they are: whoever looked for their end would have to read
 * a hostile tar exactly as Go does, or leave out what Helm installs.
 * @param archive was read by `readArchive`, so it is not larger than a chart may be
 * @param path of the new file in the archive, with the chart's folder
 */
export async function withFile(archive: string, path: string, text: string): Promise<Buffer> {
  const tar = await promisify(gunzip)(await readFile(archive), { maxOutputLength: UNPACKED_LIMIT });
  const body = Buffer.from(text);
  const header = Buffer.alloc(BLOCK);
  new Header({ path, type: 'File', size: body.length, mode: 0o644, mtime: new Date(0) }).encode(header);
  const padding = Buffer.alloc(-body.length & (BLOCK - 1));
  return promisify(gzip)(Buffer.concat([header, body, padding, tar]), { level: constants.Z_NO_COMPRESSION });
}
