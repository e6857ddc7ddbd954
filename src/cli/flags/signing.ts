import { readFile } from 'node:fs/promises';
import { Option } from 'commander';
import { AirgapError, messageOf } from '../../base/errors.ts';
import type { SigningKey } from '../../oci/signing-key.ts';
import type { Edge } from '../run.ts';

/**
 * The private key of a file. The passphrase of an encrypted one is in the environment, where no list of processes shows it.
 * @throws AirgapError `file`, `usage`
 */
export async function signingKey({ context: { env } }: Edge, file: string): Promise<SigningKey> {
  const { readSigningKey } = await import('../../oci/signing-key.ts');
  return readSigningKey(await keyFile(file), file, env.AIRGAP_KEY_PASSPHRASE);
}

/** The public key of a file. @throws AirgapError `file`, `usage` */
export async function publicKey(file: string, others: readonly string[] = []): Promise<SigningKey['publicKey']> {
  const { readPublicKey } = await import('../../oci/signing-key.ts');
  return readPublicKey(await keyFile(file), file, others);
}

/** The flag of whatever reads bundles. */
export interface SignatureFlags {
  requireSignature?: string;
}

export function requireSignatureOption(): Option {
  return new Option(
    '--require-signature <key>',
    'only what is in bundles that are signed by this public key, a PEM file',
  );
}

/** The key that the flag names. @throws AirgapError `file`, `usage` */
export async function requiredSigner({
  requireSignature,
}: SignatureFlags): Promise<{ readonly signer?: SigningKey['publicKey'] }> {
  return requireSignature === undefined ? {} : { signer: await publicKey(requireSignature) };
}

async function keyFile(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause) => {
    throw new AirgapError('file', `the key cannot be read: ${messageOf(cause)}`, { cause });
  });
}
