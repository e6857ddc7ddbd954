import { readFile } from 'node:fs/promises';
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

async function keyFile(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause) => {
    throw new AirgapError('file', `the key cannot be read: ${messageOf(cause)}`, { cause });
  });
}
