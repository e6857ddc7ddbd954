import type { KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Option } from '@commander-js/extra-typings';
import { AirgapError } from '../../base/errors.ts';
import { reasonOf } from '../../base/file-failure.ts';
import type { RequiredSigner } from '../../bundle/signing/check-signature.ts';
import type { SigningKey } from '../../oci/signing-key.ts';
import type { ReferrerOptions } from '../../workflows/images/resolve.ts';
import type { CommandIO } from '../run.ts';
import { type FlagsOf, flagGroup, repeatable } from './option.ts';

/**
 * Reads a private key. The passphrase comes from the environment, where process lists do not show it.
 * @throws AirgapError `file`, `usage`
 */
export async function signingKey({ context: { env } }: CommandIO, file: string): Promise<SigningKey> {
  const { readSigningKey } = await import('../../oci/signing-key.ts');
  return readSigningKey(await readKeyFile(file), file, env.AIRGAP_KEY_PASSPHRASE);
}

/** Reads a public key. @throws AirgapError `file`, `usage` */
async function publicKey(file: string, others: readonly string[] = []): Promise<SigningKey['publicKey']> {
  const { readPublicKey } = await import('../../oci/signing-key.ts');
  return readPublicKey(await readKeyFile(file), file, others);
}

/** Returns the flag of the commands that read bundles. @param flag `verify` has its own name for it */
export function requireSignatureOption<const Flag extends string = '--require-signature <key>'>(flag?: Flag) {
  return repeatable(
    flag ?? ('--require-signature <key>' as Flag),
    'require that the bundle is signed by this public key, PEM',
    ': by all of the keys',
  );
}

/** Reads the keys of the flag. @throws AirgapError `file`, `usage` */
export async function requiredSigners({
  requireSignature,
}: {
  readonly requireSignature: readonly string[];
}): Promise<{ readonly signers: readonly RequiredSigner[] }> {
  return {
    signers: await Promise.all(requireSignature.map(async (name) => ({ name, publicKey: await publicKey(name) }))),
  };
}

/** Adds flags for signatures, attestations and other referrers to a command that collects them. */
export const addReferrerFlags = flagGroup((command) =>
  command
    .optionsGroup('Signatures and attestations:')
    .option('--no-referrers', 'leave out signatures, attestations and other referrers of images and charts')
    .addOption(
      new Option('--attestations <mode>', 'keep or drop the attestations that BuildKit stores in image indexes')
        .choices(['keep', 'drop'])
        .default('keep'),
    )
    .option('--require-referrers', 'fail instead of warning if a registry cannot list or serve referrers'),
);

type ReferrerFlags = FlagsOf<typeof addReferrerFlags>;

/** Returns the flag that requires signatures of images. */
export function verifySignaturesOption() {
  return repeatable(
    '--verify-signatures <key>',
    'require a cosign signature of every image by this public key, PEM',
    ': by any of the keys',
  );
}

/** Returns the options of the workflow. @throws AirgapError `usage` for an invalid combination */
export function referrerOptions(
  { referrers, attestations, requireReferrers }: ReferrerFlags,
  verifySignatures: ReferrerOptions['verifySignatures'],
): ReferrerOptions {
  if (!referrers && verifySignatures !== undefined) {
    throw new AirgapError('usage', 'signatures of images cannot be required with --no-referrers', {
      hint: 'leave out --no-referrers, so that the signatures are bundled',
    });
  }
  if (!referrers && requireReferrers) {
    throw new AirgapError('usage', '--require-referrers cannot be used with --no-referrers', {
      hint: 'leave one of them out',
    });
  }
  return { referrers, attestations, requireReferrers: requireReferrers ?? false, verifySignatures };
}

/** Reads public keys of image signatures. Cosign also supports RSA. @throws AirgapError `usage`, `file` */
export function imageKeys(files: readonly string[]): Promise<KeyObject[]> {
  return Promise.all(files.map((file) => publicKey(file, ['rsa'])));
}

async function readKeyFile(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause) => {
    throw new AirgapError('file', `the key ${file} cannot be read: ${reasonOf(cause)}`, { cause });
  });
}
