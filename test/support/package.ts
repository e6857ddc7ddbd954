import { createHash } from 'node:crypto';
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { execa, execaSync } from 'execa';
import { extract } from 'tar';

const root = join(import.meta.dirname, '../..');
const cache = join(root, '.cache', 'packed');
const plugins = join(root, '.cache', 'plugin');

/** This machine's platform, as the names of archives have it. */
export const thisPlatform = `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`;

/** What archives are made of; see scripts/package/contents.mjs. */
const SOURCES = [
  'src/**/*',
  'scripts/**/*',
  'post-renderer/**/*',
  'plugin.yaml',
  'plugin.complete',
  'completion.yaml',
  'package.json',
  'package-lock.json',
  'LICENSE',
];
/** Milliseconds after which the archives of another state of the sources are removed. */
const UNUSED = 24 * 60 * 60 * 1000;
/** The same for plugins that are not packed, which every change of the sources makes anew: 130 MB each. */
const UNUSED_PLUGIN = 60 * 60 * 1000;

/** Archives of this machine's platform. */
export interface PackedPlugin {
  /** Folder with the archive, SHA256SUMS and provenance.json, as `npm run package` writes it. */
  readonly packages: string;
  /** The archive. */
  readonly archive: string;
  /** The archive unpacked by tar: the folder for `helm plugin install`. */
  readonly plugin: string;
}

/**
 * Makes the archive of this machine's platform and unpacks it; paths are absolute. Made once for each state of the sources, and
 * kept in .cache/packed: do not change it.
 */
export async function packed(): Promise<PackedPlugin> {
  const folder = join(cache, stateOfSources());
  if (!existsSync(folder)) await make(folder);
  const packages = join(folder, 'packages');
  const name = readdirSync(packages).find((file) => file.endsWith('.tgz')) as string;
  return { packages, archive: join(packages, name), plugin: join(folder, 'airgap') };
}

/**
 * Makes the plugin as the archive of this machine's platform contains it, without packing it: in two seconds in place of eight.
 * Made once for each state of the sources, and kept in .cache/plugin: do not change it.
 * @returns its folder, absolute
 */
export async function unpacked(): Promise<string> {
  const folder = join(plugins, stateOfSources());
  if (!existsSync(folder)) {
    mkdirSync(plugins, { recursive: true });
    removeUnused(plugins, UNUSED_PLUGIN);
    await execa(process.execPath, [join(root, 'scripts/package/plugin.mjs'), folder], { cwd: root });
  }
  return join(folder, 'airgap');
}

/** Runs `npm run package` of a checkout for this machine's platform. */
export async function makePackages(checkout: string, out: string): Promise<void> {
  await execa(process.execPath, [join(checkout, 'scripts/package.mjs'), '--out', out, thisPlatform], { cwd: checkout });
}

async function make(folder: string): Promise<void> {
  mkdirSync(cache, { recursive: true });
  removeUnused(cache, UNUSED);
  const work = mkdtempSync(join(cache, 'make-'));
  try {
    await makePackages(root, join(work, 'packages'));
    const [archive] = globSync('packages/*.tgz', { cwd: work });
    await extract({ file: join(work, archive as string), cwd: work });
    renameSync(work, folder);
  } catch (error) {
    rmSync(work, { recursive: true, force: true });
    // Another worker may have made it meanwhile.
    if (!existsSync(folder)) throw error;
  }
}

/** Removes what is in a folder for longer than a number of milliseconds. */
function removeUnused(folder: string, after: number): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) > after)
      rmSync(path, { recursive: true, force: true });
  }
}

function stateOfSources(): string {
  // The program names its commit.
  const hash = createHash('sha256').update(`${execaSync('git', ['rev-parse', 'HEAD'], { cwd: root }).stdout}\0`);
  for (const name of globSync(SOURCES, { cwd: root }).sort()) {
    const path = join(root, name);
    if (statSync(path).isFile())
      hash.update(`${name}\0`).update(createHash('sha256').update(readFileSync(path)).digest());
  }
  return hash.digest('hex').slice(0, 24);
}
