import { availableParallelism } from 'node:os';
import { Option } from '@commander-js/extra-typings';
import { AirgapError } from '../../base/errors.ts';
import { checkReplaceable, checkWritable, writeOutput } from '../../base/output-file.ts';
import { jsonText } from '../../base/printable.ts';
import type { RequiredSigner } from '../../bundle/signing/check-signature.ts';
import type { Verdicts } from '../../inventory/verdicts.ts';
import { type FlagsOf, flagGroup, parseConcurrency, parseDuration } from '../flags/option.ts';
import type { CommandIO } from '../run.ts';

/** Milliseconds for one image: scanners that download their database first need minutes. */
const TIMEOUT = 10 * 60_000;
/** Scanners share a cache and the disk: more at a time are rarely faster. */
const CONCURRENCY = Math.min(4, availableParallelism());

/** Adds the flags of `verify --with`. */
export const addScanFlags = flagGroup((command) =>
  command
    .optionsGroup('Scanner or policy:')
    .option(
      '--with <command>',
      'run this for each image and platform; {} is the path of an OCI layout, exit code 0 passes',
    )
    .addOption(
      new Option('--with-timeout <duration>', 'with --with: time limit for one image (default: 10m)').argParser(
        parseDuration,
      ),
    )
    .addOption(
      new Option(
        '--with-concurrency <n>',
        'with --with: images at the same time (default: 4, on fewer cores their number)',
      ).argParser(parseConcurrency),
    )
    .option('--verdicts <file>', 'with --with: write the verdicts to this file, for inspect -o html'),
);

type ScanFlags = FlagsOf<typeof addScanFlags>;

/** A scan that can begin: its command was found, and its file can be written. */
export interface PlannedScan {
  /** Scans the images of a bundle, and writes the verdicts. */
  run(file: string, signers: readonly RequiredSigner[]): Promise<Verdicts>;
}

/**
 * Checks the flags of a scan before any work.
 * @returns undefined without `--with`
 * @throws AirgapError `usage`, `output-exists`, `file`, `no-space`
 */
export async function planScan(
  { context }: CommandIO,
  { with: command, withTimeout, withConcurrency, verdicts: out }: ScanFlags,
): Promise<PlannedScan | undefined> {
  if (command === undefined) {
    const given = Object.entries({
      '--with-timeout': withTimeout,
      '--with-concurrency': withConcurrency,
      '--verdicts': out,
    });
    const [flag] = given.find(([, value]) => value !== undefined) ?? [];
    if (flag === undefined) return undefined;
    throw new AirgapError('usage', `${flag} needs --with`, { hint: "add a scanner: --with 'trivy image --input {}'" });
  }
  const { findScanner, scanImages } = await import('../../workflows/verify/scan-images.ts');
  const scanner = await findScanner(context, command);
  if (out !== undefined) {
    await checkWritable(out, '--verdicts');
    await checkReplaceable(out, { isOurs: isVerdictsFile, what: 'file of verdicts' });
  }
  return {
    run: async (file, signers) => {
      const timeout = withTimeout ?? TIMEOUT;
      const concurrency = withConcurrency ?? CONCURRENCY;
      const verdicts = await scanImages(context, file, { scanner, timeout, concurrency, signers });
      if (out !== undefined) await writeOutput(out, `${jsonText(verdicts, 2)}\n`);
      return verdicts;
    },
  };
}

async function isVerdictsFile(content: Buffer): Promise<boolean> {
  const { isVerdicts } = await import('../../inventory/verdicts.ts');
  try {
    return isVerdicts(JSON.parse(content.toString()));
  } catch {
    return false;
  }
}
