import { type Command, Option } from 'commander';
import type { ReceiptOptions } from '../../workflows/verify/verify-receipt.ts';
import { clientCertificatesOf } from '../flags/certificates.ts';
import { declaredHosts } from '../flags/ecr.ts';
import { formatDocument } from '../flags/output.ts';
import { addRegistryFlags, type RegistryFlags, registryAccess, UPLOAD_CONCURRENCY } from '../flags/registry.ts';
import { receiptReport } from '../reports/verify.ts';
import type { CommandIO } from '../run.ts';

export interface ReceiptFlags extends RegistryFlags {
  receipt?: string;
  registryType?: 'ecr';
}

/** Adds the flags of `verify --receipt`, which queries a registry and reads no blobs of a bundle. */
export function addReceiptFlags(io: CommandIO, command: Command): Command {
  command.option(
    '--receipt <file>',
    'check that the registry has all content of this receipt of a push, and of the bundle',
  );
  return addRegistryFlags(io, command, { mirrors: false }).addOption(
    new Option(
      '--registry-type <type>',
      'with --receipt: type of the registry if its host name does not show it',
    ).choices(['ecr']),
  );
}

/** Compares a receipt with the registry, and prints the result. */
export async function checkReceipt(
  io: CommandIO,
  file: string,
  flags: ReceiptFlags & { readonly output: 'text' | 'json' | 'yaml' },
  options: Pick<ReceiptOptions, 'bundle' | 'signer'>,
): Promise<void> {
  const { readReceipt } = await import('../../workflows/push/receipt.ts');
  const { verifyReceipt } = await import('../../workflows/verify/verify-receipt.ts');
  const receipt = await readReceipt(file);
  const registry = receipt.target.split('/')[0] as string;
  const ecrHosts = await declaredHosts([registry], flags, io.context.env);
  const clientCertificates = clientCertificatesOf(flags, io.context.cwd);
  const access = { ...(await registryAccess({ ...flags, clientCertificates, named: [registry] })), ecrHosts };
  const result = await verifyReceipt(io.context, receipt, {
    ...options,
    access,
    concurrency: flags.concurrency ?? UPLOAD_CONCURRENCY,
  });
  const check = { file, ...result };
  io.print(flags.output === 'text' ? receiptReport(check) : await formatDocument('ReceiptCheck', check, flags.output));
  if (result.differences.length + (result.missing ?? []).length > 0) io.setExitCode(3);
}
