import { availableParallelism } from 'node:os';
import { Command } from '@commander-js/extra-typings';
import { AirgapError } from '../../base/errors.ts';
import type { RequiredSigner } from '../../bundle/signing/check-signature.ts';
import { unallowed } from '../../inventory/missing-images.ts';
import type { Verdicts } from '../../inventory/verdicts.ts';
import type { Verification } from '../../workflows/verify/verify.ts';
import type { ImageSignatures } from '../../workflows/verify/verify-signatures.ts';
import { CONNECTION_ONLY, readConfiguration } from '../flags/configuration.ts';
import { failOnOption, failsOn } from '../flags/fail-on.ts';
import { addSignerFlags, givenSignerFlag, requiredSignatures } from '../flags/keyless.ts';
import type { FlagsOf } from '../flags/option.ts';
import { formatDocument, outputOption, printReport } from '../flags/output.ts';
import { requiredSigners, requireSignatureOption } from '../flags/signatures.ts';
import { examples } from '../help.ts';
import { verdictsReport } from '../reports/verdicts.ts';
import { verifyReport } from '../reports/verify.ts';
import type { CommandIO } from '../run.ts';
import { afterDamage, afterVerify } from './next-steps.ts';
import { addReceiptFlags, checkReceipt } from './verify-receipt.ts';
import { addScanFlags, type PlannedScan, planScan } from './verify-with.ts';

function declare(io: CommandIO) {
  const command = new Command('verify')
    .argument('[file]', 'bundle to check')
    .addOption(requireSignatureOption('--key <file>'))
    .addOption(failOnOption())
    .addOption(outputOption(['text', 'json', 'yaml'], 'text'))
    .addHelpText(
      'after',
      examples(
        'verify app.tar --key cosign.pub',
        "verify app.tar --with 'trivy image --exit-code 1 --input {}'",
        'verify --receipt receipt.json --ca-file ca.pem',
      ),
    );
  return addScanFlags(addReceiptFlags(addSignerFlags(command), io));
}

type Flags = FlagsOf<typeof declare>;

export function verifyCommand(io: CommandIO) {
  return declare(io).action(async (file, flags) => {
    checkCombination(file, flags);
    const scan = await planScan(io, flags);
    const { signers } = await requiredSigners({ requireSignature: flags.key });
    const { receipt } = flags;
    if (receipt !== undefined) await checkReceipt(io, receipt, flags, { bundle: file || undefined, signers });
    else if (file !== undefined) await checkBundle(io, file, flags, { signers, scan });
  });
}

/** @throws AirgapError `usage` */
function checkCombination(file: string | undefined, flags: Flags): void {
  const { key, receipt } = flags;
  if (file === undefined && (receipt === undefined || key.length > 0)) {
    const hint = 'run helm airgap verify BUNDLE, or helm airgap verify --receipt FILE; --key needs a bundle';
    throw new AirgapError('usage', 'neither a bundle nor --receipt was given', { hint });
  }
  if (receipt === undefined) return;
  const signerFlag = givenSignerFlag(flags);
  const [flag, example] = flags.with === undefined ? [signerFlag, `${signerFlag} …`] : ['--with', '--with COMMAND'];
  if (flag === undefined) return;
  const hint = `run helm airgap verify BUNDLE ${example} without --receipt`;
  throw new AirgapError('usage', `${flag} cannot be used with --receipt`, { hint });
}

interface BundleChecks {
  readonly signers: readonly RequiredSigner[];
  readonly scan: PlannedScan | undefined;
}

/**
 * Checks the bytes of a bundle, then the signatures of its images, then has them scanned: each only if what is before it is
 * right. Prints the results, as one document with all that is known even if a check cannot be completed.
 */
async function checkBundle(io: CommandIO, file: string, flags: Flags, { signers, scan }: BundleChecks): Promise<void> {
  const { output } = flags;
  const configuration = await readConfiguration(io.context, flags, CONNECTION_ONLY);
  const { policy } = await requiredSignatures(flags, configuration, io.context.cwd, 'verify');
  const result = await checkBytes(io, file, signers);
  const isDamaged = result.problems.length > 0;
  const isIncomplete = unallowed(result.missing).length > 0;
  if (isIncomplete || failsOn(flags, result.notKnown)) io.setExitCode(3);
  const next = isDamaged ? afterDamage(file) : isIncomplete ? [] : afterVerify(file, flags.key);
  const isLast = isDamaged || (policy === undefined && scan === undefined);
  if (output === 'text') await printReport(io, { result: [verifyReport(result)], notes: [] }, isLast ? next : []);
  const found: Found = {};
  try {
    if (isDamaged) return io.setExitCode(3);
    if (policy !== undefined) {
      const { verifySignatures } = await import('../../workflows/verify/verify-signatures.ts');
      found.imageSignatures = await verifySignatures(io.context, file, availableParallelism(), policy, signers);
    }
    found.verdicts = await scan?.run(file, signers);
  } finally {
    if (output !== 'text') io.print(await formatDocument('Verification', documentOf(result, found), output));
  }
  const { verdicts } = found;
  const isRejected = verdicts?.verdicts.some(({ status }) => status !== 'passed') ?? false;
  if (isRejected) io.setExitCode(3);
  if (output !== 'text' || isLast) return;
  const reports = verdicts === undefined ? [] : [verdictsReport(verdicts)];
  await printReport(io, { result: reports, notes: [] }, isRejected ? [] : next);
}

/** @throws AirgapError as `verify`; an archive too damaged to open is a failed check too */
async function checkBytes(io: CommandIO, file: string, signers: readonly RequiredSigner[]): Promise<Verification> {
  const { verify } = await import('../../workflows/verify/verify.ts');
  return verify(io.context, file, availableParallelism(), signers).catch((error: unknown) => {
    if (error instanceof AirgapError && error.code === 'bundle-invalid') io.setExitCode(3);
    throw error;
  });
}

/** What the checks after that of the bytes found. */
interface Found {
  imageSignatures?: readonly ImageSignatures[];
  verdicts?: Verdicts | undefined;
}

function documentOf(result: Verification, { imageSignatures, verdicts }: Found): object {
  const { command, finished, verdicts: ofImages } = verdicts ?? {};
  return {
    ...result,
    ...(imageSignatures && { imageSignatures }),
    ...(verdicts && { scan: { command, finished, verdicts: ofImages } }),
  };
}
