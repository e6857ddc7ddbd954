import type { KeyObject } from 'node:crypto';
import { type Command, Option } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import { repeat } from './repeat.ts';
import { publicKey } from './signing.ts';

/** What belongs to images, and whether it is there. */
export interface ReferrerFlags {
  referrers: boolean;
  attestations: 'keep' | 'drop';
  requireReferrers?: boolean;
  verifySignatures: string[];
}

/** For the command that collects them. */
export function addReferrerFlags(command: Command): Command {
  command.optionsGroup('What belongs to images:');
  return command
    .option('--no-referrers', 'without signatures, attestations and whatever else belongs to images and charts')
    .addOption(
      new Option('--attestations <choice>', 'what BuildKit puts beside the images of an index: keep, or drop')
        .choices(['keep', 'drop'])
        .default('keep'),
    )
    .option(
      '--require-referrers',
      'it is an error, and no warning, when a registry does not say which of these it has, or does not give them',
    )
    .addOption(verifySignaturesOption());
}

export function verifySignaturesOption(): Option {
  return new Option(
    '--verify-signatures <key>',
    'every image has to have a cosign signature by this public key, a PEM file (repeatable: by one of them)',
  )
    .argParser(repeat)
    .default([], '');
}

/** @throws AirgapError `usage` when signatures are wanted and left out, or a key is none; `file` */
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
    throw new AirgapError('usage', '--verify-signatures and --no-referrers do not go together', {
      hint: 'leave out --no-referrers: who wants to see the signatures here will want them on the other side',
    });
  }
  if (!referrers && requireReferrers) {
    throw new AirgapError('usage', '--require-referrers and --no-referrers do not go together', {
      hint: 'leave out one of them',
    });
  }
  return { referrers, attestations, requireReferrers, verifySignatures: await imageKeys(verifySignatures) };
}

/** Cosign signs with RSA, too. @throws AirgapError `usage`, `file` */
export function imageKeys(files: readonly string[]): Promise<KeyObject[]> {
  return Promise.all(files.map((file) => publicKey(file, ['rsa'])));
}
