import type { KeyObject } from 'node:crypto';
import { type Command, Option } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import { collect } from './collect.ts';
import { publicKey } from './signing.ts';

/** Flags for signatures, attestations and other referrers. */
export interface ReferrerFlags {
  referrers: boolean;
  attestations: 'keep' | 'drop';
  requireReferrers?: boolean;
  verifySignatures: string[];
}

/** Adds the flags for a command that collects referrers. */
export function addReferrerFlags(command: Command): Command {
  command.optionsGroup('Signatures and attestations:');
  return command
    .option('--no-referrers', 'leave out signatures, attestations and other referrers of images and charts')
    .addOption(
      new Option('--attestations <mode>', 'keep or drop the attestations that BuildKit stores in image indexes')
        .choices(['keep', 'drop'])
        .default('keep'),
    )
    .option('--require-referrers', 'fail instead of warning if a registry cannot list or serve referrers')
    .addOption(verifySignaturesOption());
}

export function verifySignaturesOption(): Option {
  return new Option(
    '--verify-signatures <key>',
    'require a cosign signature of every image by this public key, PEM (repeatable: by any of the keys)',
  )
    .argParser(collect)
    .default([], '');
}

/** Returns the options of the workflow. @throws AirgapError `usage` for an invalid combination or key; `file` */
export async function referrerOptions({
  referrers,
  attestations,
  requireReferrers = false,
  verifySignatures,
}: ReferrerFlags): Promise<{
  readonly referrers: boolean;
  readonly requireReferrers: boolean;
  readonly attestations: 'keep' | 'drop';
  readonly verifySignatures: readonly KeyObject[];
}> {
  if (!referrers && verifySignatures.length > 0) {
    throw new AirgapError('usage', '--verify-signatures cannot be used with --no-referrers', {
      hint: 'leave out --no-referrers, so that the signatures are bundled',
    });
  }
  if (!referrers && requireReferrers) {
    throw new AirgapError('usage', '--require-referrers cannot be used with --no-referrers', {
      hint: 'leave one of them out',
    });
  }
  return { referrers, attestations, requireReferrers, verifySignatures: await imageKeys(verifySignatures) };
}

/** Reads public keys of image signatures. Cosign also supports RSA. @throws AirgapError `usage`, `file` */
export function imageKeys(files: readonly string[]): Promise<KeyObject[]> {
  return Promise.all(files.map((file) => publicKey(file, ['rsa'])));
}
