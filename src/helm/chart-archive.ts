import { createReadStream, mkdirSync, writeFileSync } from 'node:fs';
import { open, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import * as tar from 'tar';
import { AirgapError, messageOf } from '../base/errors.ts';
import { quoted } from '../base/printable.ts';
import type { NameTest } from '../base/wildcard.ts';
import { type Keep, newBudget, readEntries, UNPACKED_LIMIT } from './chart-entries.ts';

const HINT = 'a chart archive is what helm package makes; check that the download is complete';

/**
 * Reads a chart archive as hostile input: plain files only, inside one folder, bounded in size.
 * @param wanted paths below that folder whose content is wanted
 * @param title what the reader knows it by, for messages
 * @returns the name of the folder, and the contents
 * @throws AirgapError `chart-invalid`
 */
export async function readArchive(
  archive: string,
  wanted: NameTest,
  title = archive,
): Promise<{ readonly root: string; readonly files: ReadonlyMap<string, Buffer> }> {
  const files = new Map<string, Buffer>();
  const tops = new Set<string>();
  let isFlat = false;
  await eachFile(archive, title, (path, keep) => {
    const [top = '', ...rest] = path.split('/');
    tops.add(top);
    isFlat ||= rest.length === 0;
    const below = rest.join('/');
    if (wanted.test(below)) keep((content) => files.set(below, content));
  });
  const [root] = tops;
  if (root !== undefined && tops.size === 1 && !isFlat) return { root, files };
  throw new AirgapError('chart-invalid', `${title} is not a chart archive: it must hold one folder`, { hint: HINT });
}

/**
 * Unpacks a chart archive into `folder/<chart>`.
 * @returns the unpacked chart's folder
 * @throws AirgapError `chart-invalid`, see {@link readArchive}
 */
export async function unpackChart(archive: string, folder: string): Promise<string> {
  const { root, files } = await readArchive(archive, /^/);
  // A chart is hundreds of small files: written one after the other they cost a tenth of what each as a job of its own does.
  const folders = new Set<string>();
  for (const [path, content] of files) {
    const file = join(folder, root, path);
    try {
      if (!folders.has(dirname(file))) mkdirSync(dirname(file), { recursive: true });
      folders.add(dirname(file));
      writeFileSync(file, content);
    } catch (cause) {
      // A file where another entry wants a folder, or a name that is too long.
      const reason = messageOf(cause).split(',')[0];
      throw new AirgapError('chart-invalid', `${path} of the chart ${root} cannot be unpacked: ${reason}`, {
        hint: HINT,
        cause,
      });
    }
  }
  return join(folder, root);
}

/** Visits each plain file of an archive; `keep` asks for its content. */
async function eachFile(archive: string, title: string, visit: (path: string, keep: Keep) => void): Promise<void> {
  let problem: string;
  try {
    if ((await stat(archive)).size > UNPACKED_LIMIT) throw new Error('it is larger than any chart');
    // The tar library reads plain and otherwise compressed archives too; Helm does not.
    if (!(await isGzip(archive))) throw new Error('it is not compressed with gzip');
    let hasMetadata = false;
    await readEntries(createReadStream(archive), newBudget(), (entry, keep) => {
      const path = posix.normalize(entry.path);
      if (entry.type !== 'File' && entry.type !== 'OldFile' && entry.type !== 'ContiguousFile')
        return `it holds a ${entry.type}, ${entry.path}`;
      if (/^\.\.\/|^\/|[\0\\]/.test(path)) return `it holds a file outside of it, ${entry.path}`;
      if (!isOneLine(path)) return `it holds a file whose name has control characters, ${quoted(path)}`;
      // Of several, Helm reads all, one over the other.
      const isMetadata = /^[^/]+\/Chart\.yaml$/.test(path);
      if (isMetadata && hasMetadata) return 'it holds several Chart.yaml';
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

/** Helm prints names of templates into comments of manifests, where a line break would make YAML of the rest. */
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
 * Packs an unpacked chart so that equal files give equal bytes (`helm package` puts the time into every entry):
 * files in order, no times, no owners, one mode (the umask of whoever unpacked it would show).
 */
export async function packChart(chartFolder: string, archive: string): Promise<void> {
  const parent = join(chartFolder, '..');
  const name = posix.basename(chartFolder);
  const files = (await readdir(chartFolder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => posix.join(name, entry.parentPath.slice(chartFolder.length), entry.name));
  // Chart.yaml first, as Helm writes it: readers that stream stop early.
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
