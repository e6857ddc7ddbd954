/**
 * npm run package [-- [--out FOLDER] PLATFORM…]
 *
 * Makes an archive of the plugin with its own Node for each platform, by default for all: packages/, created anew, with
 * a bill of materials, provenance.json and SHA256SUMS. The same commit gives the same bytes, in every folder, on one platform and Node version.
 * Fetches nothing but the Node of other platforms, from npm (scripts/package/platforms.mjs).
 */
import { spawnSync } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { commitOf } from './commit.mjs';
import { packFolder } from './package/archive.mjs';
import { writeContents } from './package/contents.mjs';
import { checkOutFolder, replaceFolder } from './package/out-folder.mjs';
import { fetchNode, platforms } from './package/platforms.mjs';
import { provenanceOf } from './package/provenance.mjs';
import { sbomOf } from './package/sbom.mjs';
import { sha256Of, writeSums } from './package/sums.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { wanted, out } = argumentsOf();
// Made in another folder and moved into place, so that a run that fails keeps the last good archives.
const work = join(root, '.cache', `package-${process.pid}`);
const fresh = join(work, 'packages');

try {
  await checkOutFolder(out);
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
    subjects.push({ name, platform, sha256: await sha256Of(join(fresh, name)) });
    await rm(folder, { recursive: true });
    const { tried } = platforms[platform];
    console.log(tried === '' ? name : `${name} (${tried})`);
  }
  const documents = {
    'provenance.json': await provenanceOf({ root, commit: commitOf(root), version, subjects }),
    [`airgap-${version}.cdx.json`]: await sbomOf({ root, dist, version, subjects }),
  };
  for (const [name, document] of Object.entries(documents))
    await writeFile(join(fresh, name), `${JSON.stringify(document, undefined, 2)}\n`);
  await writeSums(fresh);
  await replaceFolder(out, fresh);
} catch (error) {
  console.error(`package: ${error.message}`);
  process.exitCode = 1;
} finally {
  await rm(work, { recursive: true, force: true });
}

function argumentsOf() {
  const names = Object.keys(platforms);
  const usage = `usage: npm run package [-- [--out FOLDER] PLATFORM…], platforms: ${names.join(' ')}`;
  try {
    const options = { out: { type: 'string', default: join(root, 'packages') }, help: { type: 'boolean' } };
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    if (values.help) {
      console.log(usage);
      process.exit(0);
    }
    const unknown = positionals.find((name) => !names.includes(name));
    if (unknown !== undefined) throw new Error(`unknown platform ${unknown}`);
    const chosen = names.filter((name) => positionals.length === 0 || positionals.includes(name));
    return { wanted: chosen, out: resolve(values.out) };
  } catch (error) {
    console.error(`package: ${error.message}\n${usage}`);
    process.exit(2);
  }
}
