import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { threadProgram, threadPrograms } from '../build/container.mjs';
import { noticeOf } from './notice.mjs';
import { platforms, thisPlatform } from './platforms.mjs';

const run = promisify(execFile);

/**
 * Writes what the archive of a platform contains to a folder: `airgap/`, the plugin for `helm plugin install ./airgap`, and
 * beside it plugin.yaml and what completes, which Helm wants at the root of an archive that it installs from a URL.
 * @param {object} options absolute paths
 * @param {string} options.root the checkout
 * @param {string} options.node folder with `bin/node` and `LICENSE`
 * @param {string} options.dist output of scripts/build.mjs
 * @param {string} options.platform key of `platforms`
 * @param {string} options.version of the plugin
 * @param {string} options.folder created anew
 */
export async function writeContents({ root, node, dist, platform, version, folder }) {
  await rm(folder, { recursive: true, force: true });
  const plugin = join(folder, 'airgap');
  const add = async (name, content, mode = 0o644) => {
    const file = join(plugin, name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
    // Whatever the umask is.
    await chmod(file, mode);
  };
  const copy = async (name, from = join(root, name), mode = 0o644) => {
    await mkdir(dirname(join(plugin, name)), { recursive: true });
    await copyFile(from, join(plugin, name));
    await chmod(join(plugin, name), mode);
  };
  await copy('plugin.yaml');
  await copy('completion.yaml');
  await copy('plugin.complete', undefined, 0o755);
  await copy('LICENSE');
  await copy('post-renderer/plugin.yaml');
  await copy('scripts/airgap-post-render', undefined, 0o755);
  await add('scripts/airgap', await launcher(platform, version), 0o755);
  await copy('bin/node', join(node, 'bin/node'), 0o755);
  for (const name of (await readdir(dist)).filter((name) => name.endsWith('.cjs')).sort())
    await copy(`dist/${name}`, join(dist, name));
  // Threads start with the compiled code too.
  for (const name of threadPrograms) await add(`dist/${name}.cjs`, threadProgram(name, "require('./start.cjs').load"));
  await copy('dist/start.cjs', join(root, 'scripts/package/start.cjs'));
  await add('NOTICE', await noticeOf({ root, dist, node, platform }));
  // Those beside `airgap/` start the program in it.
  const place = async (name, from = /(?!)/g, to = '', mode = 0o644) => {
    const text = await readFile(join(root, name), 'utf8');
    await writeFile(join(folder, name), text.replaceAll(from, to));
    await chmod(join(folder, name), mode);
  };
  await place('plugin.yaml', '$HELM_PLUGIN_DIR/scripts/', '$HELM_PLUGIN_DIR/airgap/scripts/');
  await place('completion.yaml');
  await place('plugin.complete', '/scripts/', '/airgap/scripts/', 0o755);
  if (platform === thisPlatform) await compile(root, plugin);
}

/**
 * Adds compiled code, only for the platform that this runs on: the code of one processor is of no use to another. The flags
 * make its bytes the same in each run.
 */
async function compile(root, plugin) {
  const dist = join(plugin, 'dist');
  const before = await readdir(dist);
  const flags = ['--hash-seed=1', '--no-flush-bytecode', '--single-threaded'];
  await run(join(plugin, 'bin/node'), [...flags, join(root, 'scripts/package/compile.cjs'), dist], {
    env: { PATH: '/none' },
  });
  for (const name of await readdir(dist)) if (!before.includes(name)) await chmod(join(dist, name), 0o644);
  // Without an error V8 would only be slower.
  const check = `process.on('exit', () => {
    const refused = require('${join(dist, 'start.cjs')}').scripts.filter(({ script }) => script.cachedDataRejected !== false);
    if (refused.length > 0) process.exitCode = 9;
  });
  process.argv = ['node', 'airgap', '--help'];
  require('${join(dist, 'start.cjs')}');`;
  await run(join(plugin, 'bin/node'), ['--eval', check], { env: { PATH: '/none' } }).catch((error) => {
    throw new Error(error.code === 9 ? 'V8 refuses the compiled code of the program' : error.message, { cause: error });
  });
}

/** Returns the launcher, filled in for a platform. */
async function launcher(platform, version) {
  const { condition, needs } = platforms[platform];
  const others = Object.keys(platforms).filter((name) => name !== platform);
  const template = await readFile(new URL('launcher', import.meta.url), 'utf8');
  return template
    .replaceAll('@CONDITION@', condition)
    .replaceAll('@NEEDS@', needs)
    .replaceAll('@PLATFORM@', platform)
    .replaceAll('@OTHERS@', others.join(' | '))
    .replaceAll('@VERSION@', version);
}
