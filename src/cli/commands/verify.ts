import { availableParallelism } from 'node:os';
import { Command, Option } from '@commander-js/extra-typings';
import { AirgapError } from '../../base/errors.ts';
import type { ReceiptOptions } from '../../workflows/verify/verify-receipt.ts';
import type { ImageSignatures } from '../../workflows/verify/verify-signatures.ts';
import { addConfigFlags } from '../flags/charts.ts';
import { CONNECTION_ONLY, readConfiguration } from '../flags/configuration.ts';
import { declaredHosts } from '../flags/ecr.ts';
import { addSignerFlags, givenSignerFlag, requiredSignatures } from '../flags/keyless.ts';
import type { ReadLogin } from '../flags/login.ts';
import { type FlagsOf, flagGroup } from '../flags/option.ts';
import { formatDocument, outputOption, printReport } from '../flags/output.ts';
import { addRegistryFlags, registryAccess, UPLOAD_CONCURRENCY } from '../flags/registry.ts';
import { requiredSigners, requireSignatureOption } from '../flags/signatures.ts';
import { examples } from '../help.ts';
import { verdictsReport } from '../reports/verdicts.ts';
import { receiptReport, verifyReport } from '../reports/verify.ts';
import type { CommandIO } from '../run.ts';
import { afterDamage, afterReceipt, afterVerify } from './next-steps.ts';
import { addScanFlags, planScan } from './verify-with.ts';

export function verifyCommand(io: CommandIO) {
  const command = new Command('verify')
    .argument('[file]', 'bundle to check')
    .addOption(requireSignatureOption('--key <file>'))
    .addOption(outputOption(['text', 'json', 'yaml'], 'text'))
    .addHelpText(
      'after',
      examples(
        'verify app.tar --key cosign.pub',
        "verify app.tar --with 'trivy image --exit-code 1 --input {}'",
        'verify --receipt receipt.json --ca-file ca.pem',
      ),
    );
  return addScanFlags(addReceiptFlags(addSignerFlags(command), io)).action(async (file, flags) => {
    const { key, output, receipt } = flags;
    if (file === undefined && (receipt === undefined || key.length > 0)) {
      const hint = 'run helm airgap verify BUNDLE, or helm airgap verify --receipt FILE; --key needs a bundle';
      throw new AirgapError('usage', 'neither a bundle nor --receipt was given', { hint });
    }
    const signerFlag = givenSignerFlag(flags);
    if (receipt !== undefined && signerFlag !== undefined) {
      const hint = `run helm airgap verify BUNDLE ${signerFlag} … without --receipt`;
      throw new AirgapError('usage', `${signerFlag} cannot be used with --receipt`, { hint });
    }
    if (receipt !== undefined && flags.with !== undefined) {
      const hint = 'run helm airgap verify BUNDLE --with COMMAND without --receipt';
      throw new AirgapError('usage', '--with cannot be used with --receipt', { hint });
    }
    const scan = await planScan(io, flags);
    const { signers } = await requiredSigners({ requireSignature: key });
    if (receipt !== undefined) return checkReceipt(io, receipt, flags, { bundle: file || undefined, signers });
    if (file === undefined) return;
    const configuration = await readConfiguration(io.context, flags, CONNECTION_ONLY);
    const { policy } = await requiredSignatures(flags, configuration, io.context.cwd, 'verify');
    const { verify } = await import('../../workflows/verify/verify.ts');
    const result = await verify(io.context, file, availableParallelism(), signers).catch((error: unknown) => {
      // An archive too damaged to open is a failed check too.
      if (error instanceof AirgapError && error.code === 'bundle-invalid') io.setExitCode(3);
      throw error;
    });
    const isDamaged = result.problems.length > 0;
    const next = isDamaged ? afterDamage(file) : afterVerify(file, key);
    const isLast = isDamaged || (policy === undefined && scan === undefined);
    if (output === 'text') await printReport(io, { result: [verifyReport(result)], notes: [] }, isLast ? next : []);
    const found: { imageSignatures?: readonly ImageSignatures[]; scan?: object } = {};
    let isRejected = false;
    try {
      if (isDamaged) return io.setExitCode(3);
      if (policy !== undefined) {
        const { verifySignatures } = await import('../../workflows/verify/verify-signatures.ts');
        found.imageSignatures = await verifySignatures(io.context, file, availableParallelism(), policy, signers);
      }
      const verdicts = await scan?.run(file, signers);
      isRejected = verdicts?.verdicts.some(({ status }) => status !== 'passed') ?? false;
      if (verdicts !== undefined) {
        const { command, finished, verdicts: ofImages } = verdicts;
        found.scan = { command, finished, verdicts: ofImages };
      }
      if (output === 'text') {
        const result = verdicts === undefined ? [] : [verdictsReport(verdicts)];
        await printReport(io, { result, notes: [] }, isLast || isRejected ? [] : next);
      }
    } finally {
      // Also before a failure, whose document has it as completed.
      if (output !== 'text') io.print(await formatDocument('Verification', { ...result, ...found }, output));
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
async function checkReceipt(
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
