import { lstat, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { count, firstOf } from '../base/count.ts';
import { AirgapError } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { reasonOf } from '../base/file-failure.ts';
import type { ManifestSource } from './source.ts';

/** Text of one file. */
export interface ManifestFile {
  /** Path in the folder with `/`, or the name of the only file. */
  readonly path: string;
  readonly text: string;
}

/** Files that `kubectl apply -R` reads. */
const MANIFEST = /\.(?:ya?ml|json)$/;

/** Maximum number of files and folders in a folder. */
const MAX_ENTRIES = 100_000;

/** Maximum bytes of all files of a source. */
const MAX_BYTES = 256 * 1024 ** 2;

/** Maximum number of names in a message. */
const MAX_NAMES = 3;

/**
 * Reads the manifests of a source: one file, or all `.yaml`, `.yml` and `.json` files below a folder, as `kubectl apply -R`
 * does. Charts and folders whose name begins with a dot are left out with a warning.
 * @throws AirgapError `usage` if there are none, `file` if one cannot be read, for a link that leads out of the folder, and
 *   beyond the limits
 */
export async function readManifestFiles(source: ManifestSource<string>, emit: Emit): Promise<ManifestFile[]> {
  const { name, path, input } = source;
  if (input !== undefined) return [{ path: '-', text: textOf(input, name) }];
  const found = await stat(path).catch((cause: unknown) => {
    throw new AirgapError('usage', `${name} cannot be read: ${reasonOf(cause)}`, {
      hint: 'give a file of manifests, a folder of them, or - for standard input',
      cause,
    });
  });
  // A pipe without a writer would block, and a device may have no end.
  if (!found.isFile() && !found.isDirectory()) {
    throw new AirgapError('usage', `${name} is neither a file nor a folder`, {
      hint: `give it as standard input: --${source.kind} -`,
    });
  }
  const listing = found.isDirectory() ? await listFolder(source) : { files: [''], charts: [], hidden: [] };
  const warn = (message: string, names: readonly string[]): void => {
    if (names.length > 0) emit({ type: 'warning', message: `${name}: ${message}: ${firstOf(names, MAX_NAMES)}` });
  };
  warn(`${count(listing.charts.length, 'chart')} in it not rendered, give them as charts`, listing.charts);
  warn('hidden folders with .yaml, .yml or .json files not read, give them by their paths if needed', listing.hidden);
  if (listing.files.length === 0) {
    throw new AirgapError('usage', `${name} has no manifests`, {
      hint: 'give a folder with .yaml, .yml or .json files; --kustomize builds a kustomization',
    });
  }
  let bytes = 0;
  const files: ManifestFile[] = [];
  for (const file of listing.files) {
    const content = await readFile(join(path, file)).catch((cause: unknown) => {
      throw new AirgapError('file', `${name}: ${file} cannot be read: ${reasonOf(cause)}`, { cause });
    });
    bytes += content.length;
    if (bytes > MAX_BYTES) {
      throw new AirgapError('file', `${name} has more than ${MAX_BYTES / 1024 ** 2} MiB of manifests`, {
        hint: 'give its folders one by one',
      });
    }
    files.push({
      path: file === '' ? basename(path) : file,
      text: textOf(content, file === '' ? name : `${name}: ${file}`),
    });
  }
  return files;
}

/** Decodes UTF-8, or UTF-16 with a byte order mark, as YAML parsers do. @throws AirgapError `file` for what is no text */
function textOf(content: Uint8Array, what: string): string {
  const [first, second] = content;
  const isWide = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  const text = new TextDecoder(isWide ? (first === 0xff ? 'utf-16le' : 'utf-16be') : 'utf-8').decode(content);
  if (!text.includes('\0')) return text;
  throw new AirgapError('file', `${what} is not text`, { hint: 'save it as UTF-8, or move it out of the folder' });
}

interface Listing {
  /** Paths of files in the folder, sorted. */
  readonly files: string[];
  /** Paths of folders with a `Chart.yaml`. */
  readonly charts: string[];
  /** Paths of folders with manifests whose names begin with a dot. */
  readonly hidden: string[];
}

async function listFolder({ name, path: root }: ManifestSource<string>): Promise<Listing> {
  const listing: Listing = { files: [], charts: [], hidden: [] };
  const realRoot = await realpath(root);
  let entries = 0;
  const visit = async (folder: string): Promise<void> => {
    const children = await readdir(join(root, folder), { withFileTypes: true });
    entries += children.length;
    if (entries > MAX_ENTRIES) {
      throw new AirgapError('file', `${name} has more than ${MAX_ENTRIES} files and folders`, {
        hint: 'give the folders with manifests one by one',
      });
    }
    if (children.some((child) => child.name === 'Chart.yaml' && child.isFile())) {
      listing.charts.push(folder === '' ? '.' : folder);
      return;
    }
    for (const child of children.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = folder === '' ? child.name : `${folder}/${child.name}`;
      if (child.isDirectory()) {
        if (!child.name.startsWith('.')) await visit(path);
        else if (child.name !== '.git' && (await hasManifests(join(root, path)))) listing.hidden.push(path);
      }
      if (child.isSymbolicLink() ? await isFileWithin(join(root, path), realRoot, name, path) : child.isFile()) {
        if (MANIFEST.test(child.name)) listing.files.push(path);
      }
    }
  };
  await visit('');
  return listing;
}

async function hasManifests(folder: string): Promise<boolean> {
  const children = await readdir(folder, { recursive: true }).catch(() => []);
  return children.some((path) => MANIFEST.test(path));
}

/** Reports whether a link leads to a file in the same folder. @throws AirgapError `file` for one that leads elsewhere */
async function isFileWithin(link: string, realRoot: string, name: string, path: string): Promise<boolean> {
  const target = await realpath(link).catch(() => undefined);
  const isWithin = target !== undefined && relative(realRoot, target).split(sep)[0] !== '..';
  const isFolder = target !== undefined && (await lstat(target)).isDirectory();
  // What a link to a folder in the same folder leads to is read in its own place.
  if (isWithin) return !isFolder;
  if (target !== undefined && !isFolder && !MANIFEST.test(path)) return false;
  const where = target === undefined ? 'to nothing' : 'out of the folder';
  throw new AirgapError('file', `${name}: the link ${path} leads ${where}`, {
    hint: 'copy what it means to that place, or give it by its own path',
  });
}
