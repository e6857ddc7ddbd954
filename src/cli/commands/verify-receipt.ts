import { type Command, Option } from 'commander';
import { receiptReport } from '../../ui/receipt-report.ts';
import type { ReceiptOptions } from '../../workflows/verify-receipt.ts';
import { clientCertificatesOf } from '../flags/certificates.ts';
import { declaredHosts } from '../flags/ecr.ts';
import { asDocument } from '../flags/output.ts';
import { addRegistryFlags, type RegistryFlags, registryAccess, UPLOADS } from '../flags/registry.ts';
import type { Edge } from '../run.ts';

export interface ReceiptFlags extends RegistryFlags {
  receipt?: string;
  registryType?: 'ecr';
}

/** Adds the flags of `verify --receipt`, which queries a registry and reads no blobs of a bundle. */
export function addReceiptFlags(edge: Edge, command: Command): Command {
  command.option(
    '--receipt <file>',
    'check that the registry has all content of this receipt of a push, and of the bundle',
  );
  return addRegistryFlags(edge, command, { mirrors: false }).addOption(
    new Option(
      '--registry-type <type>',
      'with --receipt: type of the registry if its host name does not show it',
    ).choices(['ecr']),
  );
}

/** Compares a receipt with the registry, and prints the result. */
export async function checkReceipt(
  edge: Edge,
  file: string,
  flags: ReceiptFlags & { readonly output: 'text' | 'json' | 'yaml' },
  given: Pick<ReceiptOptions, 'bundle' | 'signer'>,
): Promise<void> {
  const { readReceipt } = await import('../../workflows/pushing/receipt.ts');
  const { verifyReceipt } = await import('../../workflows/verify-receipt.ts');
  const receipt = await readReceipt(file);
  const registry = receipt.target.split('/')[0] as string;
  const ecrHosts = await declaredHosts([registry], flags, edge.context.env);
  const clientCertificates = clientCertificatesOf(flags, edge.context.cwd);
  const access = { ...(await registryAccess({ ...flags, clientCertificates, named: [registry] })), ecrHosts };
  const result = await verifyReceipt(edge.context, receipt, {
    ...given,
    access,
    concurrency: flags.concurrency ?? UPLOADS,
  });
  const check = { file, ...result };
  edge.print(flags.output === 'text' ? receiptReport(check) : await asDocument('ReceiptCheck', check, flags.output));
  if (result.differences.length + (result.missing ?? []).length > 0) edge.answer(3);
}
