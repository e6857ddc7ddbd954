/**
 * npm run release:check [-- [--out FOLDER] [--tag TAG] [--source URL] [--sign-key FILE] [--pgp-key FILE]]
 *
 * Makes all files of a release and checks them: archives, bills of materials, image, signatures. Each archive for this machine is
 * installed in every way that five versions of Helm know, in fresh homes without Node, npm and git, and runs the demo. Publishes
 * nothing. The last line is `release: N checks passed, N failed[, N not run]`; exit code 1 if one failed.
 *
 * --out keeps the files if no check failed, in a folder created anew. Without keys the signatures are made with throwaway keys, to
 * check that they work, and are not kept. Passphrases: AIRGAP_KEY_PASSPHRASE, AIRGAP_PGP_PASSPHRASE. --tag is the tag to release,
 * `vVERSION`; --source the URL of the repository for the image.
 *
 * Needs all that scripts/setup --tests installs, root, and apt-get of the Debian release in scripts/image/debian.json. The first
 * time it also builds three Helms. Took 19 minutes on two cores beside a run of the tests, 15 of them to build Helm for arm64
 * (2026-11-24).
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { extract } from 'tar';
import { parse } from 'yaml';
import { bareHost } from '../../test/support/bare-host.ts';
import { serveFiles } from '../../test/support/file-server.ts';
import { installTampered, installWays, pushPluginArtifact } from '../../test/support/plugin-installs.ts';
import { startRegistry } from '../../test/support/registry.ts';
import { releaseKeys } from '../../test/support/release-keys.ts';
import {
  IMAGE_ARCHITECTURES,
  tryToolImage,
  unpackToolImage,
  withoutArchitecture,
  withoutChroot,
} from '../../test/support/tool-image.ts';
import { commitOf } from '../commit.mjs';
import { checkOutFolder, replaceFolder } from '../package/out-folder.mjs';
import { platforms, thisPlatform } from '../package/platforms.mjs';
import { archivesOf } from '../sign/prov.mjs';
import { checkDigests, checkLicences, checkSchema, checkSize } from './archives.mjs';
import { Checks } from './checks.mjs';
import { releaseHelms } from './helms.mjs';
import { checkEnvelope, checkProvFiles, checkSums } from './signatures.mjs';

const run = promisify(execFile);
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const USAGE =
  'usage: npm run release:check [-- [--out FOLDER] [--tag TAG] [--source URL] [--sign-key FILE] [--pgp-key FILE]]';

const { out, tag, source, ...given } = await argumentsOf();
const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
const commit = commitOf(root);
const work = join(root, '.cache', `release-${process.pid}`);
const [packages, signed] = [join(work, 'packages'), join(work, 'signed')];
const checks = new Checks();

await mkdir(work, { recursive: true });
try {
  await checkAll();
} catch (error) {
  await checks.run('all checks', () => Promise.reject(error));
} finally {
  await rm(work, { recursive: true, force: true });
}
console.log(checks.summary());
process.exitCode = checks.failed > 0 ? 1 : 0;

async function checkAll() {
  await checks.run('the commit, and one version everywhere', checkVersions);
  const isMade = await checks.run('archives', () => script('package.mjs', '--out', packages));
  // All else needs them.
  if (!isMade) return;
  const image = ['--packages', packages, ...(source ? ['--source', source] : [])];
  const hasImage = await checks.run('image', () => script('image.mjs', ...image));
  await checks.run('the same bytes from a clone in another folder', () => checkReproducible(image));
  await checkContents(hasImage);
  await cp(packages, signed, { recursive: true });
  const keys = await releaseKeys();
  const { signKey = keys.signKey, pgpKey = keys.pgpKey } = given;
  const isSigned = await checks.run('signatures', async () => {
    await script('sign.mjs', '--packages', signed, '--sign-key', signKey, '--pgp-key', pgpKey);
    return given.signKey && given.pgpKey ? '' : 'throwaway keys, not kept';
  });
  if (isSigned) {
    await checks.run('signature of SHA256SUMS', () => checkSums(signed));
    await checks.run('signature of the provenance', () => checkEnvelope(signed));
    await checks.run('provenance files', async () => checkProvFiles(signed, await archivesOf(signed, version)));
    await checkInstalls();
  }
  if (hasImage) await checkImage();
  if (out !== undefined && checks.failed === 0) await keep();
}

async function checkVersions() {
  for (const name of ['plugin.yaml', 'post-renderer/plugin.yaml'])
    assert(parse(await readFile(join(root, name), 'utf8')).version === version, `${name} is not of version ${version}`);
  assert(/^[0-9a-f]+$/.test(commit), `the checkout is ${commit}: commit first`);
  assert(tag === undefined || tag === `v${version}`, `the tag is ${tag}, and the version is ${version}`);
  return `${version}, ${commit.slice(0, 12)}`;
}

/** Makes archives and image in a clone, with the installed packages, and compares all files. */
async function checkReproducible(image) {
  const clone = join(work, 'elsewhere', 'checkout');
  await run('git', ['clone', '--quiet', '--no-checkout', root, clone]);
  await run('git', ['-C', clone, 'checkout', '--quiet', '--detach', commit]);
  await mkdir(join(clone, '.cache'));
  // Hard links: esbuild would follow a symbolic link out of the clone. What is fetched is pinned by digests.
  for (const name of ['node_modules', '.cache/node', '.cache/debian'])
    await run('cp', ['-al', join(root, name), join(clone, name)]);
  const inClone = image.map((value) => (value === packages ? join(clone, 'packages') : value));
  for (const [name, ...args] of [['package.mjs'], ['image.mjs', ...inClone]])
    await run(process.execPath, [join(clone, 'scripts', name), ...args], { cwd: clone });
  const [here, there] = await Promise.all(
    [packages, join(clone, 'packages')].map((folder) => readFile(join(folder, 'SHA256SUMS'), 'utf8')),
  );
  await rm(clone, { recursive: true });
  const different = here.split('\n').filter((line) => !there.includes(line));
  assert(here === there, `these files differ:\n${different.join('\n')}`);
  return `${here.trim().split('\n').length} files`;
}

async function checkContents(hasImage) {
  const bomFile = join(packages, `airgap-${version}.cdx.json`);
  const bom = JSON.parse(await readFile(bomFile, 'utf8'));
  for (const platform of Object.keys(platforms)) {
    const archive = join(packages, `airgap-${version}-${platform}.tgz`);
    await checks.run(`${platform}: size`, () => checkSize(archive));
    await checks.run(`${platform}: licences`, () => checkLicences(archive, bom, platform));
  }
  await checks.run('bill of materials of the archives', () => checkSchema(bomFile));
  if (hasImage) {
    const file = join(packages, `airgap-${version}-image.cdx.json`);
    await checks.run('bill of materials of the image', () => checkSchema(file));
  }
  await checks.run('digests in bill of materials and provenance', () => checkDigests(packages, bom));
}

/** Installs the archive of this platform with each Helm in every way, and runs the demo. */
async function checkInstalls() {
  const archive = join(signed, `airgap-${version}-${thisPlatform}.tgz`);
  await extract({ file: archive, cwd: work }, ['airgap']);
  const plugin = join(work, 'airgap');
  const registry = await startRegistry();
  const web = await serveFiles(signed, `/v${version}`);
  try {
    const layout = join(signed, `airgap-${version}-plugin.oci.tar`);
    const reference = await pushPluginArtifact(layout, registry.host, `${version}-${thisPlatform}`);
    const url = `${web.url}/v${version}/${basename(archive)}`;
    const release = { version, archive, plugin, keyring: join(signed, 'release.pub.gpg'), url, reference };
    for (const { version: helmVersion, path, reason } of releaseHelms()) {
      const name = `Helm ${helmVersion}`;
      if (path === undefined) {
        await checks.run(name, () => Promise.reject(new Error(reason)));
        continue;
      }
      for (const way of installWays(helmVersion, release)) {
        await checks.run(`${name}: ${way.name}`, async () => {
          const host = bareHost(path);
          if (way.refusal !== undefined) {
            await assert.rejects(way.install(host, path), (error) => error.message.includes(way.refusal));
            return `refused, a known bug of this Helm: ${way.refusal}`;
          }
          await way.install(host, path);
          const found = await host.ok(path, 'airgap', '--version');
          assert(found === version, `it is version ${found}`);
          await rm(host.home, { recursive: true });
        });
      }
      if (helmVersion.startsWith('4.')) {
        await checks.run(`${name}: a changed archive is refused`, async () => {
          const { signed: refused, unsigned } = await installTampered(bareHost(path), path, release);
          assert(
            refused.code !== 0 && /sha256 sum does not match/.test(refused.stderr),
            `Helm says: ${refused.stderr}`,
          );
          assert(unsigned.code === 0, `without verification Helm says: ${unsigned.stderr}`);
        });
      }
      await checks.run(`${name}: the demo`, () => script('demo.mjs', '--plugin', plugin, '--helm', path));
    }
  } finally {
    await Promise.all([web.stop(), registry.stop()]);
  }
}

/** Runs the tool and Helm in the image, for each architecture that this machine can run. */
async function checkImage() {
  for (const architecture of Object.keys(IMAGE_ARCHITECTURES)) {
    const name = `the image runs on linux/${architecture}`;
    const reason = withoutChroot() ?? withoutArchitecture(architecture);
    if (reason !== undefined) {
      checks.skip(name, reason);
      continue;
    }
    await checks.run(name, async () => {
      const image = await unpackToolImage(join(packages, `airgap-${version}-image.oci.tar`), architecture);
      await tryToolImage(image, version);
    });
  }
}

/** Moves the files to the folder of the user: signed ones only if keys were given. */
async function keep() {
  await replaceFolder(out, given.signKey && given.pgpKey ? signed : packages);
}

/** Runs a script of this checkout. @throws Error with the end of its output */
async function script(name, ...args) {
  await run(process.execPath, [join(root, 'scripts', name), ...args], { cwd: root, maxBuffer: 2 ** 26 }).catch(
    (error) => {
      throw new Error(`${error.stdout}${error.stderr}`.trim().split('\n').slice(-8).join('\n') || error.message, {
        cause: error,
      });
    },
  );
}

async function argumentsOf() {
  try {
    const text = { type: 'string' };
    const { values } = parseArgs({
      options: { out: text, tag: text, source: text, 'sign-key': text, 'pgp-key': text, help: { type: 'boolean' } },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    const { out, tag, source } = values;
    const paths = { out, signKey: values['sign-key'], pgpKey: values['pgp-key'] };
    const absolute = Object.entries(paths).map(([name, path]) => [name, path && resolve(path)]);
    if ((paths.signKey === undefined) !== (paths.pgpKey === undefined)) throw new Error('give both keys or none');
    const files = Object.fromEntries(absolute);
    if (files.out) await checkOutFolder(files.out);
    return { tag, source, ...files };
  } catch (error) {
    console.error(`release: ${error.message}\n${USAGE}`);
    process.exit(2);
  }
}
