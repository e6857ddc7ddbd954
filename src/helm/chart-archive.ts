import { createReadStream, mkdirSync, writeFileSync } from 'node:fs';
import { open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { promisify } from 'node:util';
import { constants, gunzip, gzip } from 'node:zlib';
import * as tar from 'tar';
import { Header } from 'tar';
import { AirgapError, messageOf } from '../base/errors.ts';
import { quoted } from '../base/printable.ts';
import { FILE_TYPES, TAR_BLOCK } from '../base/tar-header.ts';
import type { NameTest } from '../base/wildcard.ts';
import { type KeepContent, newBudget, readEntries, UNPACKED_LIMIT } from './chart-entries.ts';

const HINT = 'a chart archive is created by helm package; check that the download is complete';

/**
 * Reads an untrusted chart archive: regular files only, in one folder, bounded in size.
 * @param selection selects files by their path in that folder
 * @param title name of the archive in messages
 * @returns name of the folder, and the contents of the selected files
 * @throws AirgapError `chart-invalid`
 */
export async function readArchive(
  archive: string,
  selection: NameTest,
  title = archive,
): Promise<{ readonly root: string; readonly files: ReadonlyMap<string, Buffer> }> {
  const files = new Map<string, Buffer>();
  const topFolders = new Set<string>();
  let isFlat = false;
  await eachFile(archive, title, (path, keep) => {
    const [topFolder = '', ...rest] = path.split('/');
    topFolders.add(topFolder);
    isFlat ||= rest.length === 0;
    const pathInChart = rest.join('/');
    if (selection.test(pathInChart)) keep((content) => files.set(pathInChart, content));
  });
  const [root] = topFolders;
  if (root !== undefined && topFolders.size === 1 && !isFlat) return { root, files };
  throw new AirgapError('chart-invalid', `${title} is not a chart archive: it must contain exactly one folder`, {
    hint: HINT,
  });
}

/**
 * Unpacks a chart archive into `folder/<chart>`.
 * @returns folder of the unpacked chart
 * @throws AirgapError `chart-invalid`, see {@link readArchive}
 */
export async function unpackChart(archive: string, folder: string): Promise<string> {
  const { root, files } = await readArchive(archive, /^/);
  // Synchronous writes of hundreds of small files take a tenth of the time of asynchronous ones.
  const folders = new Set<string>();
  for (const [path, content] of files) {
    const file = join(folder, root, path);
    try {
      if (!folders.has(dirname(file))) mkdirSync(dirname(file), { recursive: true });
      folders.add(dirname(file));
      writeFileSync(file, content);
    } catch (cause) {
      // A file in place of a folder, or a name that is too long.
      const reason = messageOf(cause).split(',')[0];
      throw new AirgapError('chart-invalid', `cannot unpack ${path} of chart ${root}: ${reason}`, {
        hint: HINT,
        cause,
      });
    }
  }
  return join(folder, root);
}

/** Visits each regular file of an archive; `keep` requests its content. */
async function eachFile(
  archive: string,
  title: string,
  visit: (path: string, keep: KeepContent) => void,
): Promise<void> {
  let problem: string;
  try {
    if ((await stat(archive)).size > UNPACKED_LIMIT)
      throw new Error(`it is larger than ${UNPACKED_LIMIT / 1024 / 1024} MiB`);
    // The tar library also reads uncompressed archives and other compressions; Helm does not.
    if (!(await isGzip(archive))) throw new Error('it is not compressed with gzip');
    let hasMetadata = false;
    await readEntries(createReadStream(archive), newBudget(), (entry, keep) => {
      const path = posix.normalize(entry.path);
      if (!FILE_TYPES.has(entry.type)) return `it contains an entry of type ${entry.type}: ${entry.path}`;
      if (/^\.\.\/|^\/|[\0\\]/.test(path)) return `it contains a path outside its folder: ${entry.path}`;
      if (!isOneLine(path)) return `it contains a file name with control characters: ${quoted(path)}`;
      // Helm would merge several of them.
      const isMetadata = /^[^/]+\/Chart\.yaml$/.test(path);
      if (isMetadata && hasMetadata) return 'it contains more than one Chart.yaml';
      hasMetadata ||= isMetadata;
      visit(path, keep);
      return undefined;
    });
    return;
  } catch (cause) {
    problem = messageOf(cause);
  }
  throw new AirgapError('chart-invalid', `${title} is not a chart archive: ${problem}`, { hint: HINT });
}

/**
 * Reports whether a path has neither line breaks nor control characters. Helm prints paths in YAML comments, which a
 * line break ends.
 */
export function isOneLine(path: string): boolean {
  return !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(path);
}

async function isGzip(archive: string): Promise<boolean> {
  const file = await open(archive);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await file.close();
  }
}

/**
 * Packs a chart folder reproducibly: sorted files, no times, no owners, one mode. `helm package` stores times, and
 * modes would depend on the umask.
 */
export async function packChart(chartFolder: string, archive: string): Promise<void> {
  const parent = join(chartFolder, '..');
  const name = posix.basename(chartFolder);
  const files = (await readdir(chartFolder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => posix.join(name, entry.parentPath.slice(chartFolder.length), entry.name));
  // Chart.yaml first, as in Helm's archives, so that streaming readers can stop early.
  const first = `${name}/Chart.yaml`;
  files.sort((a, b) => (a === first ? -1 : b === first ? 1 : a < b ? -1 : 1));
  await rm(archive, { force: true });
  await tar.create(
    {
      file: archive,
      cwd: parent,
      gzip: { level: 9 },
      portable: true,
      mtime: new Date(0),
      noDirRecurse: true,
      onWriteEntry: ({ stat }) => {
        if (stat) stat.mode = 0o644;
      },
    },
    files,
  );
}

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
  const header = Buffer.alloc(TAR_BLOCK);
  new Header({ path, type: 'File', size: body.length, mode: 0o644, mtime: new Date(0) }).encode(header);
  const padding = Buffer.alloc(-body.length & (TAR_BLOCK - 1));
  return promisify(gzip)(Buffer.concat([header, body, padding, tar]), { level: constants.Z_NO_COMPRESSION });
}
