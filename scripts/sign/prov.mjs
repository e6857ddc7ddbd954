import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readTar } from '../image/layer.mjs';
import { sha256Of } from '../package/sums.mjs';

/**
 * Writes a provenance file for each archive, ARCHIVE.prov, in the form of Helm's pkg/provenance: the metadata of the plugin and the
 * digests of its files, signed in clear text. Helm 4 looks there for the name of the archive, or, when it comes from a registry, for
 * NAME-VERSION.tgz; so both names have the digest.
 * @param {object} options
 * @param {string} options.packages folder with the archives
 * @param {string} options.version of the plugin
 * @param {string} options.keyFile private key as gpg exports it
 * @param {string} options.passphrase of the key, empty if it has none
 */
export async function writeProvFiles({ packages, version, keyFile, passphrase }) {
  // Short, because gpg-agent has a socket in it.
  const home = await mkdtemp(join(tmpdir(), 'gpg-'));
  const gpg = (args, input) => {
    const { status, stdout, stderr, error } = spawnSync('gpg', ['--batch', '--quiet', '--no-tty', ...args], {
      env: { ...process.env, GNUPGHOME: home, LC_ALL: 'C' },
      input,
    });
    if (error) throw new Error(error.code === 'ENOENT' ? 'gpg was not found' : error.message);
    if (status !== 0) throw new Error(`gpg ${args.at(-1)}: ${stderr.toString().trim().split('\n').at(-1)}`);
    return stdout;
  };
  try {
    gpg(['--pinentry-mode=loopback', '--passphrase-fd=0', '--import', keyFile], passphrase);
    const unlock = passphrase === '' ? [] : ['--passphrase-file', join(home, 'passphrase')];
    if (passphrase !== '') await writeFile(join(home, 'passphrase'), passphrase, { mode: 0o600 });
    for (const name of await archivesOf(packages, version)) {
      const message = await messageOf(join(packages, name), [name, `airgap-${version}.tgz`]);
      const signed = gpg(['--pinentry-mode=loopback', ...unlock, '--digest-algo=SHA512', '--clearsign'], message);
      await writeFile(join(packages, `${name}.prov`), signed);
    }
    await writeFile(join(packages, 'release.pub.gpg'), gpg(['--export']));
  } finally {
    spawnSync('gpgconf', ['--kill', 'gpg-agent'], { env: { ...process.env, GNUPGHOME: home } });
    await rm(home, { recursive: true, force: true });
  }
}

/** Returns the names of the archives of a version. @throws Error if there is none */
export async function archivesOf(packages, version) {
  const archives = (await readdir(packages)).filter(
    (name) => name.startsWith(`airgap-${version}-`) && name.endsWith('.tgz'),
  );
  if (archives.length === 0)
    throw new Error(`${packages} has no archives of version ${version}\nHint: run npm run package first`);
  return archives.sort();
}

/** Returns the text to sign. `...` ends a YAML document; `---` would be a line of PGP. */
async function messageOf(archive, names) {
  const metadata = (await readTar(await readFile(archive))).get('plugin.yaml').bytes.toString('utf8');
  const digest = await sha256Of(archive);
  return `${metadata.replace(/^#.*\n/gm, '')}\n...\nfiles:\n${names.map((name) => `  ${name}: sha256:${digest}\n`).join('')}`;
}
