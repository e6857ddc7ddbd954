/** Debian packages of the image's base: fetched by apt-get with the host's sources, pinned in debian.json. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sha256Of } from '../package/sums.mjs';
import { readTar } from './layer.mjs';

const run = promisify(execFile);
const PINS = new URL('debian.json', import.meta.url);
const ARCHITECTURES = ['amd64', 'arm64'];

/** Returns debian.json: the release, and the packages with their version, licence and SHA-256 by architecture. */
export async function debianPins() {
  return JSON.parse(await readFile(PINS, 'utf8'));
}

/**
 * Returns the files of the packages for an architecture, as dpkg would unpack them. For scanners, what dpkg knows of each package
 * is in var/lib/dpkg/status.d/.
 * @param {string} root absolute path of the checkout; packages are kept in its .cache/debian
 */
export async function debianFiles(root, architecture) {
  const files = new Map();
  for (const [name, path] of await fetchPackages(root, architecture)) {
    const { stdout } = await run('dpkg-deb', ['--fsys-tarfile', path], { encoding: 'buffer', maxBuffer: 2 ** 28 });
    for (const [file, entry] of await readTar(stdout)) files.set(file, entry);
    const { stdout: control } = await run('dpkg-deb', ['--info', path, 'control']);
    files.set(`var/lib/dpkg/status.d/${name}`, { type: 'File', mode: 0o644, bytes: Buffer.from(control) });
  }
  return files;
}

/** Writes the newest versions that apt-get knows to debian.json. */
export async function renewPins(root) {
  const pins = await debianPins();
  const names = Object.keys(pins.packages);
  await withApt(root, async (apt) => {
    const specs = ARCHITECTURES.flatMap((architecture) => names.map((name) => `${name}:${architecture}`));
    const { stdout } = await apt('apt-cache', ['show', '--no-all-versions', ...names, ...specs]);
    for (const pin of Object.values(pins.packages)) pin.sha256 = {};
    for (const paragraph of stdout.trim().split('\n\n')) {
      const field = (key) => new RegExp(`^${key}: (.*)$`, 'm').exec(paragraph)?.[1];
      const pin = pins.packages[field('Package')];
      pin.version = field('Version');
      pin.sha256[field('Architecture')] = field('SHA256');
    }
  });
  await writeFile(PINS, `${JSON.stringify(pins, undefined, 2)}\n`);
}

/** @returns {Promise<Map<string, string>>} the files of the packages by name */
async function fetchPackages(root, architecture) {
  const { packages } = await debianPins();
  const cache = join(root, '.cache', 'debian');
  await mkdir(cache, { recursive: true });
  // A package for all architectures has one digest.
  const digests = new Map(
    Object.entries(packages).map(([name, { sha256 }]) => [name, sha256[architecture] ?? sha256.all]),
  );
  const paths = new Map([...digests].map(([name, sha256]) => [name, join(cache, `${sha256}.deb`)]));
  const present = new Set(await readdir(cache));
  const missing = [...digests].filter(([, sha256]) => !present.has(`${sha256}.deb`));
  if (missing.length === 0) return paths;
  await withApt(root, async (apt, folder) => {
    const specs = missing.map(([name]) => {
      const { version, sha256 } = packages[name];
      return `${name}${sha256.all === undefined ? `:${architecture}` : ''}=${version}`;
    });
    await apt('apt-get', ['download', ...specs]);
    const found = new Map();
    for (const file of (await readdir(folder)).filter((name) => name.endsWith('.deb')))
      found.set(await sha256Of(join(folder, file)), file);
    for (const [name, sha256] of missing) {
      const file = found.get(sha256);
      if (file === undefined)
        throw new Error(`the Debian package ${name} for ${architecture} has not the pinned SHA-256 ${sha256}`);
      await rename(join(folder, file), paths.get(name));
    }
  });
  return paths;
}

/** Runs apt with lists of its own for both architectures, as any user: the lists and packages of the host stay as they are. */
async function withApt(root, use) {
  await mkdir(join(root, '.cache'), { recursive: true });
  const folder = await mkdtemp(join(root, '.cache', 'apt-'));
  const config = join(folder, 'apt.conf');
  await writeFile(
    config,
    `APT::Architecture "amd64";
APT::Architectures { ${ARCHITECTURES.map((name) => `"${name}";`).join(' ')} };
Dir::State "${folder}/state";
Dir::State::status "/dev/null";
Dir::Cache "${folder}/cache";
`,
  );
  const apt = (program, args) =>
    run(program, args, { cwd: folder, env: { ...process.env, APT_CONFIG: config, LC_ALL: 'C' } }).catch((error) => {
      const lines = (error.stderr ?? '').split('\n').filter((line) => line.startsWith('E: '));
      throw new Error(`${program} ${args.join(' ')}: ${lines.join(' ') || error.message}`, { cause: error });
    });
  try {
    for (const name of ['state/lists/partial', 'cache/archives/partial'])
      await mkdir(join(folder, name), { recursive: true });
    await apt('apt-get', ['update']);
    return await use(apt, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
