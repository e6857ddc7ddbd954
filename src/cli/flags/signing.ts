import { readFile } from 'node:fs/promises';
import { Option } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import { reasonOf } from '../../base/file-failure.ts';
import type { SigningKey } from '../../oci/signing-key.ts';
import type { CommandIO } from '../run.ts';

/**
 * Reads a private key. The passphrase comes from the environment, where process lists do not show it.
 * @throws AirgapError `file`, `usage`
 */
export async function signingKey({ context: { env } }: CommandIO, file: string): Promise<SigningKey> {
  const { readSigningKey } = await import('../../oci/signing-key.ts');
  return readSigningKey(await readKeyFile(file), file, env.AIRGAP_KEY_PASSPHRASE);
}

/** Reads a public key. @throws AirgapError `file`, `usage` */
export async function publicKey(file: string, others: readonly string[] = []): Promise<SigningKey['publicKey']> {
  const { readPublicKey } = await import('../../oci/signing-key.ts');
  return readPublicKey(await readKeyFile(file), file, others);
}

/** Flag of the commands that read bundles. */
export interface SignatureFlags {
  requireSignature?: string;
}

export function requireSignatureOption(): Option {
  return new Option('--require-signature <key>', 'require that the bundle is signed by this public key, PEM');
}

/** Reads the key of the flag. @throws AirgapError `file`, `usage` */
export async function requiredSigner({
  requireSignature,
}: SignatureFlags): Promise<{ readonly signer?: SigningKey['publicKey'] }> {
  return requireSignature === undefined ? {} : { signer: await publicKey(requireSignature) };
}

async function readKeyFile(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause) => {
    throw new AirgapError('file', `the key ${file} cannot be read: ${reasonOf(cause)}`, { cause });
  });
}
