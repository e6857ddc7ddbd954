import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { noticeOf } from './notice.mjs';
import { platforms, thisPlatform } from './platforms.mjs';

const run = promisify(execFile);

/**
 * Writes what the archive of a platform contains to a folder: `airgap/`, the plugin for `helm plugin install ./airgap`, and
 * plugin.yaml beside it, which Helm wants at the root of an archive that it installs from a URL.
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
  await copy('LICENSE');
  await copy('post-renderer/plugin.yaml');
  await copy('scripts/airgap-post-render', undefined, 0o755);
  await add('scripts/airgap', await launcher(platform, version), 0o755);
  await copy('bin/node', join(node, 'bin/node'), 0o755);
  for (const name of (await readdir(dist)).filter((name) => name.endsWith('.cjs')).sort())
    await copy(`dist/${name}`, join(dist, name));
  await copy('dist/start.cjs', join(root, 'scripts/package/start.cjs'));
  await add('NOTICE', await noticeOf({ root, dist, node, platform }));
  const manifest = await readFile(join(root, 'plugin.yaml'), 'utf8');
  await writeFile(
    join(folder, 'plugin.yaml'),
    manifest.replaceAll('$HELM_PLUGIN_DIR/scripts/', '$HELM_PLUGIN_DIR/airgap/scripts/'),
  );
  await chmod(join(folder, 'plugin.yaml'), 0o644);
  // The compiled code of one processor is of no use to another one.
  if (platform === thisPlatform) {
    const program = join(plugin, 'dist');
    const cache = join(program, 'airgap.cache');
    await run(join(plugin, 'bin/node'), [join(root, 'scripts/package/compile.cjs'), program, cache], {
      env: { PATH: '/none' },
    });
    await chmod(cache, 0o644);
  }
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
