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

/** `verify --receipt`, which asks a registry, and reads no content of a bundle. */
export function addReceiptFlags(edge: Edge, command: Command): Command {
  command
    .option(
      '--receipt <file>',
      'ask the registry for everything that a push wrote down here; with a bundle: for all of it',
    )
    .addOption(new Option('--registry-type <type>', 'with --receipt: what the registry is').choices(['ecr']));
  return addRegistryFlags(edge, command, { mirrors: false });
}

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
