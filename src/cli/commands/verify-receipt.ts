import { Option } from '@commander-js/extra-typings';
import type { ReceiptOptions } from '../../workflows/verify/verify-receipt.ts';
import { addConfigFlags } from '../flags/charts.ts';
import { CONNECTION_ONLY, readConfiguration } from '../flags/configuration.ts';
import { declaredHosts } from '../flags/ecr.ts';
import type { ReadLogin } from '../flags/login.ts';
import { type FlagsOf, flagGroup } from '../flags/option.ts';
import { formatDocument, printReport } from '../flags/output.ts';
import { addRegistryFlags, registryAccess, UPLOAD_CONCURRENCY } from '../flags/registry.ts';
import { receiptReport } from '../reports/verify.ts';
import type { CommandIO } from '../run.ts';
import { afterReceipt } from './next-steps.ts';

/** Adds the flags of `verify --receipt`, which queries a registry and reads no blobs of a bundle. */
export const addReceiptFlags = flagGroup((command, io: CommandIO) => {
  const checking = command.option(
    '--receipt <file>',
    'check that the registry has all content of this receipt of a push, and of the bundle',
  );
  const configured = addConfigFlags(
    checking,
    'read the required signatures from this airgap.yaml; with --receipt: logins, plainHttp, caFile and clientCertificates',
  );
  return addRegistryFlags(configured, io).addOption(
    new Option(
      '--registry-type <type>',
      'with --receipt: type of the registry if its host name does not show it',
    ).choices(['ecr']),
  );
});

type ReceiptFlags = FlagsOf<typeof addReceiptFlags> & ReadLogin;

/** Compares a receipt with the registry, and prints the result. */
export async function checkReceipt(
  io: CommandIO,
  file: string,
  flags: ReceiptFlags & { readonly output: 'text' | 'json' | 'yaml' },
  options: Pick<ReceiptOptions, 'bundle' | 'signers'>,
): Promise<void> {
  const { readReceipt } = await import('../../workflows/push/read-receipt.ts');
  const { verifyReceipt } = await import('../../workflows/verify/verify-receipt.ts');
  const receipt = await readReceipt(file);
  const registry = receipt.target.split('/')[0] as string;
  const ecrHosts = await declaredHosts([registry], flags, io.context.env);
  const { registry: settings } = await readConfiguration(io.context, flags, CONNECTION_ONLY);
  const { access, concurrency } = await registryAccess({ ...settings, named: [registry] }, UPLOAD_CONCURRENCY);
  const result = await verifyReceipt(io.context, receipt, { ...options, access: { ...access, ecrHosts }, concurrency });
  const check = { file, ...result };
  const isBad = result.differences.length + (result.missing ?? []).length > 0;
  if (flags.output !== 'text') io.print(await formatDocument('ReceiptCheck', check, flags.output));
  else {
    const next = isBad ? afterReceipt(receipt.target, file, options.bundle) : [];
    await printReport(io, { result: [receiptReport(check)], notes: [] }, next);
  }
  if (isBad) io.setExitCode(3);
}
