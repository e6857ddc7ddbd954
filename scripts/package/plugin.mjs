/**
 * node scripts/package/plugin.mjs FOLDER
 *
 * Writes the plugin of this platform to FOLDER, created anew, as `npm run package` packs it: with its own Node and compiled code,
 * but not packed, which takes most of the time. The plugin is in FOLDER/airgap.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeContents } from './contents.mjs';
import { fetchNode, thisPlatform } from './platforms.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const folder = resolve(process.argv[2]);
// Made in another folder and moved into place: the plugin is there as a whole or not at all.
const work = await mkdtemp(`${folder}-`);
try {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const dist = join(work, 'dist');
  const { status } = spawnSync(process.execPath, [join(root, 'scripts/build.mjs'), dist], { stdio: 'inherit' });
  if (status !== 0) throw new Error('the program could not be built');
  const node = await fetchNode(root, thisPlatform);
  await writeContents({ root, node, dist, platform: thisPlatform, version, folder: join(work, 'contents') });
  await rm(folder, { recursive: true, force: true });
  await rename(join(work, 'contents'), folder);
} catch (error) {
  console.error(`plugin: ${error.message}`);
  process.exitCode = 1;
} finally {
  await rm(work, { recursive: true, force: true });
}
