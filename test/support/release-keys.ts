import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { scratchFolder } from './scratch.ts';

/** Throwaway keys for signing archives. */
export interface ReleaseKeys {
  /** Private key in PEM, ECDSA P-256. */
  readonly signKey: string;
  /** Private PGP key as gpg exports it. */
  readonly pgpKey: string;
  /** Public keyring with that key, as Helm reads it. */
  readonly keyring: string;
}

/** Makes keys with openssl and gpg. @param passphrase of the PGP key */
export async function releaseKeys(passphrase = ''): Promise<ReleaseKeys> {
  const folder = scratchFolder();
  const home = scratchFolder();
  const [signKey, pgpKey, keyring] = [join(folder, 'sign.pem'), join(folder, 'pgp.key'), join(folder, 'pubring.gpg')];
  await execa('openssl', ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', signKey]);
  const env = { GNUPGHOME: home };
  const flags = ['--batch', '--quiet', '--pinentry-mode=loopback', '--passphrase', passphrase];
  const gpg = async (...args: readonly string[]) =>
    (await execa('gpg', [...flags, ...args], { env, encoding: 'buffer' })).stdout;
  try {
    await gpg('--quick-generate-key', 'helm airgap test <test@airgap.example>', 'rsa3072', 'sign', 'never');
    writeFileSync(pgpKey, await gpg('--armor', '--export-secret-keys'), { mode: 0o600 });
    writeFileSync(keyring, await gpg('--export'));
  } finally {
    await execa('gpgconf', ['--kill', 'gpg-agent'], { env });
    rmSync(home, { recursive: true });
  }
  return { signKey, pgpKey, keyring };
}
