import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { constants, gunzip, gzip } from 'node:zlib';
import { Header } from 'tar';
import { UNPACKED_LIMIT } from './chart-entries.ts';

const BLOCK_SIZE = 512;

/**
 * Returns a copy of a chart archive with one more file. Works in memory, since unpacking hundreds of small files takes
 * longer than the render. The copy is not compressed because it is read once and deleted.
 *
 * The file is added at the start, before the unchanged bytes of the archive. Finding the end of a hostile tar would
 * require parsing it exactly as Go does.
 * @param archive was validated by `readArchive`, so its size is bounded
 * @param path path of the new file in the archive, including the chart's folder
 */
export async function archiveWithFile(archive: string, path: string, text: string): Promise<Buffer> {
  const tar = await promisify(gunzip)(await readFile(archive), { maxOutputLength: UNPACKED_LIMIT });
  const body = Buffer.from(text);
  const header = Buffer.alloc(BLOCK_SIZE);
  new Header({ path, type: 'File', size: body.length, mode: 0o644, mtime: new Date(0) }).encode(header);
  const padding = Buffer.alloc(-body.length & (BLOCK_SIZE - 1));
  return promisify(gzip)(Buffer.concat([header, body, padding, tar]), { level: constants.Z_NO_COMPRESSION });
}
