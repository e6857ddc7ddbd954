/**
 * npm run sign -- [--packages FOLDER] [--sign-key FILE] [--pgp-key FILE]
 *
 * Signs what `npm run package` and `npm run image` have made, and writes the signatures beside it:
 * - --sign-key, a private key in PEM (Ed25519 or ECDSA P-256): SHA256SUMS.sig, provenance.dsse.json, and the public key release.pub
 * - --pgp-key, a private key as gpg exports it: a .prov file for each archive, which Helm 4 checks, the public key
 *   release.pub.gpg, and the plugin as an OCI artifact with its .prov files, airgap-VERSION-plugin.oci.tar
 *
 * Passphrases: AIRGAP_KEY_PASSPHRASE and AIRGAP_PGP_PASSPHRASE. Needs gpg for --pgp-key.
 */
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readSigningKey } from '../src/oci/signing-key.ts';
import { writeSums } from './package/sums.mjs';
import { writeArtifact } from './sign/artifact.mjs';
import { signFiles } from './sign/files.mjs';
import { writeProvFiles } from './sign/prov.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const USAGE = 'usage: npm run sign -- [--packages FOLDER] [--sign-key FILE] [--pgp-key FILE]';

const { packages, signKey, pgpKey } = argumentsOf();
try {
  const key = signKey && readSigningKey(await readFile(signKey, 'utf8'), signKey, process.env.AIRGAP_KEY_PASSPHRASE);
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  if (pgpKey) {
    await writeProvFiles({ packages, version, keyFile: pgpKey, passphrase: process.env.AIRGAP_PGP_PASSPHRASE ?? '' });
    await writeArtifact({ packages, version });
    await writeSums(packages);
  }
  if (key) await signFiles(packages, key);
} catch (error) {
  console.error(`sign: ${error.message}${error.hint ? `\nHint: ${error.hint}` : ''}`);
  process.exitCode = 1;
}

function argumentsOf() {
  try {
    const { values } = parseArgs({
      options: {
        packages: { type: 'string', default: join(root, 'packages') },
        'sign-key': { type: 'string' },
        'pgp-key': { type: 'string' },
        help: { type: 'boolean' },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    const [signKey, pgpKey] = [values['sign-key'], values['pgp-key']];
    if (signKey === undefined && pgpKey === undefined) throw new Error('no key is given');
    return { packages: resolve(values.packages), signKey, pgpKey };
  } catch (error) {
    console.error(`sign: ${error.message}\n${USAGE}`);
    process.exit(2);
  }
}
