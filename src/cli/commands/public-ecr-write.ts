import { resolve } from 'node:path';
import { Option } from '@commander-js/extra-typings';
import { AirgapError } from '../../base/errors.ts';
import { checkOutput } from '../../base/output-file.ts';
import type { PublicEcrResult } from '../../inventory/public-ecr.ts';
import type { PublicEcrOptions } from '../../workflows/public-ecr/public-ecr.ts';
import type { PublicEcrWriting } from '../../workflows/public-ecr/writing/write.ts';
import { type FlagsOf, flagGroup, givenFlags } from '../flags/option.ts';
import type { CommandIO } from '../run.ts';

/** Adds the flags of `public-ecr` that change files. */
export const addWriteFlags = flagGroup((command) =>
  command
    .optionsGroup('Changes:')
    .option('--write', 'change values files and helm-unittest expectations in place, where the same image was verified')
    .option('--dry-run', 'with --write: show the changes, and write nothing')
    .addOption(
      new Option('--bump <part>', 'with --write: raise the versions of the changed charts').choices([
        'patch',
        'minor',
      ] as const),
    )
    .option('--undo <file>', 'with --write: patch that takes the changes back (default: public-ecr.undo.patch)')
    .option('--without-signatures', 'with --write: change signed images too whose equivalents have no signatures'),
);

export type WriteFlags = FlagsOf<typeof addWriteFlags>;

/** @throws AirgapError `usage` for flags that do not belong together */
export function checkWriteFlags({ write, ...flags }: WriteFlags & { readonly offline?: true | undefined }): void {
  if (write && flags.offline) {
    throw new AirgapError('usage', '--write cannot be used with --offline', {
      hint: 'only equivalents that a registry has confirmed are written; run without --offline',
    });
  }
  const given = givenFlags({
    '--dry-run': flags.dryRun,
    '--bump': flags.bump,
    '--undo': flags.undo,
    '--without-signatures': flags.withoutSignatures,
  });
  if (write || given.length === 0) return;
  throw new AirgapError('usage', `${given.join(', ')} needs --write`, {
    hint: 'without --write, public-ecr changes no file',
  });
}

/** Changes the files. Exit code 3 if a verified place is in a file that cannot be changed in place. */
export async function writeEquivalents(
  io: CommandIO,
  result: PublicEcrResult,
  options: PublicEcrOptions,
  flags: WriteFlags,
): Promise<PublicEcrWriting> {
  const undo = flags.undo === undefined ? undefined : resolve(io.context.cwd, flags.undo);
  if (undo !== undefined) await checkOutput(undo, '--undo');
  const { writePublicEcr } = await import('../../workflows/public-ecr/writing/write.ts');
  const writing = await writePublicEcr(io.context, result, {
    jobs: options.charts,
    chartSources: options.chartSources,
    bump: flags.bump,
    withoutSignatures: flags.withoutSignatures,
    isDryRun: flags.dryRun ?? false,
    undo,
  });
  if (writing.notWritten.some(({ kind }) => kind === 'file')) io.setExitCode(3);
  return writing;
}
