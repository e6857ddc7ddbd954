import { mkdirSync, writeFileSync } from 'node:fs';
import { open, readdir, rm } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import * as tar from 'tar';
import { parse } from 'yaml';
import { AirgapError, messageOf } from '../base/errors.ts';
import { quoted } from '../base/printable.ts';
import type { NameTest } from '../base/wildcard.ts';

/** Chart.yaml of a chart, as far as this tool looks at it; the rest is kept as it is. */
export interface ChartMetadata {
  readonly name: string;
  readonly version: string;
  readonly appVersion?: string;
  readonly kubeVersion?: string;
  readonly type?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

const HINT = 'a chart archive is what helm package makes; check that the download is complete';

/** A chart larger than this, unpacked, is no chart: Helm itself refuses it too (100 MiB). */
const UNPACKED_LIMIT = 100 * 1024 * 1024;

/**
 * Reads a chart archive as hostile input: plain files only, inside one folder, bounded in size.
 * @param wanted paths below that folder whose content is wanted
 * @returns the name of the folder, and the contents
 * @throws AirgapError `chart-invalid`
 */
export async function readArchive(
  archive: string,
  wanted: NameTest,
): Promise<{ readonly root: string; readonly files: ReadonlyMap<string, Buffer> }> {
  const files = new Map<string, Buffer>();
  const tops = new Set<string>();
  let isFlat = false;
  await eachFile(archive, (path, keep) => {
    const [top = '', ...rest] = path.split('/');
    tops.add(top);
    isFlat ||= rest.length === 0;
    const below = rest.join('/');
    if (wanted.test(below)) keep((content) => files.set(below, content));
  });
  const [root] = tops;
  if (root !== undefined && tops.size === 1 && !isFlat) return { root, files };
  throw new AirgapError('chart-invalid', `${archive} is not a chart archive: it must hold one folder`, { hint: HINT });
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
    if (!folders.has(dirname(file))) mkdirSync(dirname(file), { recursive: true });
    folders.add(dirname(file));
    writeFileSync(file, content);
  }
  return join(folder, root);
}

/** Visits each plain file of an archive; `keep` asks for its content. */
async function eachFile(
  archive: string,
  visit: (path: string, keep: (take: (content: Buffer) => void) => void) => void,
): Promise<void> {
  let total = 0;
  let problem: string | undefined;
  try {
    // The tar library reads plain and otherwise compressed archives too; Helm does not.
    if (!(await isGzip(archive))) throw new Error('it is not compressed with gzip');
    await tar.list({
      file: archive,
      strict: true,
      onReadEntry: (entry) => {
        if (entry.type === 'Directory') return;
        const path = posix.normalize(entry.path);
        if (entry.type !== 'File' && entry.type !== 'OldFile' && entry.type !== 'ContiguousFile')
          problem ??= `it holds a ${entry.type}, ${entry.path}`;
        else if (path.startsWith('../') || path.startsWith('/') || path.includes('\0'))
          problem ??= `it holds a file outside of it, ${entry.path}`;
        else if (!isOneLine(path)) problem ??= `it holds a file whose name has control characters, ${quoted(path)}`;
        total += entry.size ?? 0;
        if (total > UNPACKED_LIMIT) problem ??= 'it unpacks to more than 100 MiB';
        if (problem !== undefined) return;
        visit(path, (take) => {
          const chunks: Buffer[] = [];
          entry.on('data', (chunk: Buffer) => chunks.push(chunk));
          entry.on('end', () => take(Buffer.concat(chunks)));
        });
      },
    });
  } catch (cause) {
    problem ??= messageOf(cause);
  }
  if (problem === undefined) return;
  throw new AirgapError('chart-invalid', `${archive} is not a chart archive: ${problem}`, { hint: HINT });
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
 * Reads Chart.yaml.
 * @throws AirgapError `chart-invalid`
 */
export function parseMetadata(text: string, where: string): ChartMetadata {
  let value: unknown;
  try {
    value = parse(text, { uniqueKeys: false });
  } catch (cause) {
    throw new AirgapError('chart-invalid', `Chart.yaml of ${where} is not YAML: ${messageOf(cause)}`, { cause });
  }
  const fields = value as Record<string, unknown> | null;
  if (typeof fields?.name !== 'string' || fields.version === undefined) {
    throw new AirgapError('chart-invalid', `Chart.yaml of ${where} has no name or no version`);
  }
  // It becomes part of file names and repositories.
  if (!/^[A-Za-z0-9][\w.-]*$/.test(fields.name)) {
    throw new AirgapError(
      'chart-invalid',
      `Chart.yaml of ${where} has an impossible name, ${JSON.stringify(fields.name)}`,
    );
  }
  return { ...fields, name: fields.name, version: String(fields.version) };
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
