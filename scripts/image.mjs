/**
 * npm run image [-- [--packages FOLDER] [--source URL] [--renew-base] [PLATFORM…]]
 *
 * Makes an image for pipelines from the archives of `npm run package`: airgap-VERSION-image.oci.tar, an OCI image layout for
 * linux-amd64 and linux-arm64 unless told otherwise, and its bill of materials, beside the archives. It has the plugin, Helm, a shell, the C library and
 * certificate authorities. The same commit, archives and version of Go give the same bytes.
 *
 * Needs apt-get with the package lists of the Debian release that image/debian.json names, and Go. --renew-base writes the newest
 * packages of that release to this file instead.
 */
import { access, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { commitOf } from './commit.mjs';
import { renewPins } from './image/debian.mjs';
import { helmFor } from './image/helm.mjs';
import { writeImage } from './image/image.mjs';
import { writeSums } from './package/sums.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const PLATFORMS = ['linux-amd64', 'linux-arm64'];
const USAGE = `usage: npm run image [-- [--packages FOLDER] [--source URL] [--renew-base] [PLATFORM…]], platforms: ${PLATFORMS.join(' ')}`;

const { packages, source, renewBase, wanted } = argumentsOf();
try {
  if (renewBase) await renewPins(root);
  else await make();
} catch (error) {
  console.error(`image: ${error.message}`);
  process.exitCode = 1;
}

async function make() {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const archives = wanted.map((platform) => ({
    architecture: platform.slice('linux-'.length),
    archive: join(packages, `airgap-${version}-${platform}.tgz`),
  }));
  for (const { archive } of archives)
    await access(archive).catch(() => {
      throw new Error(`${archive} is missing\nHint: run npm run package first`);
    });
  const platforms = [];
  for (const platform of archives) platforms.push({ ...platform, helm: await helmFor(platform.architecture) });
  const bom = JSON.parse(await readFile(join(packages, `airgap-${version}.cdx.json`), 'utf8'));
  const file = join(packages, `airgap-${version}-image.oci.tar`);
  const partial = `${file}.partial`;
  try {
    const content = await writeImage({ root, file: partial, version, commit: commitOf(root), source, platforms, bom });
    await writeFile(join(packages, `airgap-${version}-image.cdx.json`), `${JSON.stringify(content, undefined, 2)}\n`);
    await rename(partial, file);
  } finally {
    await rm(partial, { force: true });
  }
  await writeSums(packages);
  console.log(file.slice(packages.length + 1));
}

function argumentsOf() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        packages: { type: 'string', default: join(root, 'packages') },
        source: { type: 'string' },
        'renew-base': { type: 'boolean', default: false },
        help: { type: 'boolean' },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    const unknown = positionals.find((name) => !PLATFORMS.includes(name));
    if (unknown !== undefined) throw new Error(`unknown platform ${unknown}`);
    const wanted = PLATFORMS.filter((name) => positionals.length === 0 || positionals.includes(name));
    return { packages: resolve(values.packages), source: values.source, renewBase: values['renew-base'], wanted };
  } catch (error) {
    console.error(`image: ${error.message}\n${USAGE}`);
    process.exit(2);
  }
}
