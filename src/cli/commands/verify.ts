import { availableParallelism } from 'node:os';
import { Command, Option } from '@commander-js/extra-typings';
import { AirgapError } from '../../base/errors.ts';
import type { ReceiptOptions } from '../../workflows/verify/verify-receipt.ts';
import { addConfigFlags } from '../flags/charts.ts';
import { CONNECTION_ONLY, readConfiguration } from '../flags/configuration.ts';
import { declaredHosts } from '../flags/ecr.ts';
import type { ReadLogin } from '../flags/login.ts';
import { type FlagsOf, flagGroup } from '../flags/option.ts';
import { formatDocument, outputOption, printReport } from '../flags/output.ts';
import { addRegistryFlags, registryAccess, UPLOAD_CONCURRENCY } from '../flags/registry.ts';
import { imageKeys, publicKey, verifySignaturesOption } from '../flags/signatures.ts';
import { examples } from '../help.ts';
import { verdictsReport } from '../reports/verdicts.ts';
import { receiptReport, verifyReport } from '../reports/verify.ts';
import type { CommandIO } from '../run.ts';
import { afterDamage, afterReceipt, afterVerify } from './next-steps.ts';
import { addScanFlags, planScan } from './verify-with.ts';

export function verifyCommand(io: CommandIO) {
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
  return addScanFlags(addReceiptFlags(command, io)).action(async (file, flags) => {
    const { key, verifySignatures: keyFiles, output, receipt } = flags;
    if (file === undefined && (receipt === undefined || key !== undefined)) {
      const hint = 'run helm airgap verify BUNDLE, or helm airgap verify --receipt FILE; --key needs a bundle';
      throw new AirgapError('usage', 'neither a bundle nor --receipt was given', { hint });
    }
    if (receipt !== undefined && keyFiles.length > 0) {
      const hint = 'run helm airgap verify BUNDLE --verify-signatures KEY without --receipt';
      throw new AirgapError('usage', '--verify-signatures cannot be used with --receipt', { hint });
    }
    if (receipt !== undefined && flags.with !== undefined) {
      const hint = 'run helm airgap verify BUNDLE --with COMMAND without --receipt';
      throw new AirgapError('usage', '--with cannot be used with --receipt', { hint });
    }
    const scan = await planScan(io, flags);
    const signer = key === undefined ? undefined : await publicKey(key);
    if (receipt !== undefined) return checkReceipt(io, receipt, flags, { bundle: file || undefined, signer });
    if (file === undefined) return;
    const keys = await imageKeys(keyFiles);
    const { verify } = await import('../../workflows/verify/verify.ts');
    const result = await verify(io.context, file, availableParallelism(), signer).catch((error: unknown) => {
      // An archive too damaged to open is a failed check too.
      if (error instanceof AirgapError && error.code === 'bundle-invalid') io.setExitCode(3);
      throw error;
    });
    const isDamaged = result.problems.length > 0;
    const next = isDamaged ? afterDamage(file) : afterVerify(file, key);
    const isLast = isDamaged || (keys.length === 0 && scan === undefined);
    if (output === 'text') await printReport(io, { result: [verifyReport(result)], notes: [] }, isLast ? next : []);
    else if (isDamaged || scan === undefined) io.print(await formatDocument('Verification', result, output));
    if (isDamaged) return io.setExitCode(3);
    if (keys.length > 0) {
      const { verifySignatures } = await import('../../workflows/verify/verify-signatures.ts');
      await verifySignatures(io.context, file, availableParallelism(), keys, signer);
    }
    const verdicts = await scan?.run(file, signer);
    const isRejected = verdicts?.verdicts.some(({ status }) => status !== 'passed') ?? false;
    if (output === 'text') {
      const result = verdicts === undefined ? [] : [verdictsReport(verdicts)];
      await printReport(io, { result, notes: [] }, isLast || isRejected ? [] : next);
    } else if (verdicts !== undefined) {
      const { command, finished, verdicts: ofImages } = verdicts;
      const document = { ...result, scan: { command, finished, verdicts: ofImages } };
      io.print(await formatDocument('Verification', document, output));
    }
    if (isRejected) io.setExitCode(3);
  });
}

/** Adds the flags of `verify --receipt`, which queries a registry and reads no blobs of a bundle. */
const addReceiptFlags = flagGroup((command, io: CommandIO) => {
  const checking = command.option(
    '--receipt <file>',
    'check that the registry has all content of this receipt of a push, and of the bundle',
  );
  const configured = addConfigFlags(
    checking,
    'with --receipt: read logins, plainHttp, caFile and clientCertificates from this airgap.yaml',
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
async function checkReceipt(
  io: CommandIO,
  file: string,
  flags: ReceiptFlags & { readonly output: 'text' | 'json' | 'yaml' },
  options: Pick<ReceiptOptions, 'bundle' | 'signer'>,
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
