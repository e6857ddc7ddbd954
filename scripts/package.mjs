/**
 * npm run package [-- [--out FOLDER] PLATFORM…]
 *
 * Makes an archive of the plugin with its own Node for each platform, by default for all: packages/, created anew, with
 * SHA256SUMS and provenance.json. The same commit gives the same bytes, in every folder, on one platform and Node version.
 * Fetches nothing but the Node of other platforms, from npm (scripts/package/platforms.mjs).
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { commitOf } from './commit.mjs';
import { packFolder } from './package/archive.mjs';
import { writeContents } from './package/contents.mjs';
import { fetchNode, platforms } from './package/platforms.mjs';
import { provenanceOf } from './package/provenance.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { wanted, out } = argumentsOf();
// Made in another folder and moved into place, so that a run that fails keeps the last good archives.
const work = join(root, '.cache', `package-${process.pid}`);
const fresh = join(work, 'packages');

try {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const dist = join(work, 'dist');
  await mkdir(fresh, { recursive: true });
  const { status } = spawnSync(process.execPath, [join(root, 'scripts/build.mjs'), dist], { stdio: 'inherit' });
  if (status !== 0) throw new Error('the program could not be built');
  const subjects = [];
  for (const platform of wanted) {
    const folder = join(work, platform);
    await writeContents({ root, node: await fetchNode(root, platform), dist, platform, version, folder });
    const name = `airgap-${version}-${platform}.tgz`;
    await pipeline(packFolder(folder), createWriteStream(join(fresh, name)));
    const hash = createHash('sha256');
    await pipeline(createReadStream(join(fresh, name)), hash);
    subjects.push({ name, platform, sha256: hash.digest('hex') });
    await rm(folder, { recursive: true });
    console.log(`${name}${platforms[platform].isTried ? '' : ' (not tried)'}`);
  }
  const provenance = await provenanceOf({ root, commit: commitOf(root), version, subjects });
  await writeFile(join(fresh, 'provenance.json'), `${JSON.stringify(provenance, undefined, 2)}\n`);
  await writeFile(join(fresh, 'SHA256SUMS'), subjects.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join(''));
  await mkdir(out, { recursive: true });
  await rm(out, { recursive: true });
  await rename(fresh, out);
} catch (error) {
  console.error(`package: ${error.message}`);
  process.exitCode = 1;
} finally {
  await rm(work, { recursive: true, force: true });
}

function argumentsOf() {
  const names = Object.keys(platforms);
  try {
    const options = { out: { type: 'string', default: join(root, 'packages') } };
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    const unknown = positionals.find((name) => !names.includes(name));
    if (unknown !== undefined) throw new Error(`unknown platform ${unknown}`);
    const chosen = names.filter((name) => positionals.length === 0 || positionals.includes(name));
    return { wanted: chosen, out: resolve(values.out) };
  } catch (error) {
    console.error(
      `package: ${error.message}\nusage: npm run package [-- [--out FOLDER] PLATFORM…], platforms: ${names.join(' ')}`,
    );
    process.exit(2);
  }
}
