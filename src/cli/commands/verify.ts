import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import { formatDocument, outputOption } from '../flags/output.ts';
import { imageKeys, verifySignaturesOption } from '../flags/referrers.ts';
import { publicKey } from '../flags/signing.ts';
import { examples } from '../help.ts';
import { formatFailure } from '../reports/failure.ts';
import { verifyReport } from '../reports/verify.ts';
import type { CommandIO } from '../run.ts';
import { addReceiptFlags, checkReceipt, type ReceiptFlags } from './verify-receipt.ts';

interface Flags extends ReceiptFlags {
  readonly key?: string;
  readonly verifySignatures: readonly string[];
  readonly output: 'text' | 'json' | 'yaml';
}

export function verifyCommand(io: CommandIO): Command {
  const command = new Command('verify')
    .description('check every byte of a bundle offline, or the content that a push left in a registry')
    .argument('[file]', 'bundle to check')
    .option('--key <file>', 'require that the bundle is signed by this public key, PEM')
    .addOption(verifySignaturesOption())
    .addOption(outputOption(['text', 'json', 'yaml'], 'text'))
    .addHelpText(
      'after',
      examples('verify app.tar --key cosign.pub', 'verify --receipt receipt.json --ca-file ca.pem'),
    );
  return addReceiptFlags(io, command).action(async (file: string | undefined, flags: Flags) => {
    const { key, verifySignatures: keyFiles, output, receipt } = flags;
    if (file === undefined && (receipt === undefined || key !== undefined)) {
      const hint = 'run helm airgap verify BUNDLE, or helm airgap verify --receipt FILE; --key needs a bundle';
      throw new AirgapError('usage', 'neither a bundle nor --receipt was given', { hint });
    }
    if (receipt !== undefined && keyFiles.length > 0) {
      const hint = 'run helm airgap verify BUNDLE --verify-signatures KEY without --receipt';
      throw new AirgapError('usage', '--verify-signatures cannot be used with --receipt', { hint });
    }
    const signer = key === undefined ? undefined : await publicKey(key);
    if (receipt !== undefined) return checkReceipt(io, receipt, flags, { ...(file && { bundle: file }), signer });
    if (file === undefined) return;
    const keys = await imageKeys(keyFiles);
    const { verify } = await import('../../workflows/inspect/inspect.ts');
    const result = await verify(io.context, file, availableParallelism(), signer).catch((error: unknown) => {
      if (!(error instanceof AirgapError) || error.code !== 'bundle-invalid') throw error;
      // An archive too damaged to open is a failed check too.
      io.info(formatFailure(error));
      return undefined;
    });
    if (result === undefined) return io.setExitCode(3);
    io.print(output === 'text' ? verifyReport(result) : await formatDocument('Verification', result, output));
    if (result.problems.length > 0) return io.setExitCode(3);
    if (keys.length === 0) return;
    const { verifySignatures } = await import('../../workflows/verify/verify-signatures.ts');
    await verifySignatures(io.context, file, availableParallelism(), keys, signer);
  });
}
