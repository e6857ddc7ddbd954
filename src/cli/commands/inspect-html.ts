import { availableParallelism } from 'node:os';
import { checkReplaceable, checkWritable, writeOutput } from '../../base/output-file.ts';
import { bundleReport, type ReportOptions } from '../../workflows/inspect/bundle-report.ts';
import { isProved, type OverridesProof, type ProofRequest } from '../../workflows/inspect/overrides-proof.ts';
import { isIncomplete } from '../../workflows/values/bundle-coverage.ts';
import { readProfiles, selectedPatterns } from '../flags/settings.ts';
import { type NamingFlags, targetOf } from '../flags/target.ts';
import { isReportPage } from '../reports/html/page.ts';
import { htmlReport } from '../reports/html/report.ts';
import { proofReport } from '../reports/values.ts';
import type { CommandIO } from '../run.ts';
import { VERSION } from '../version.ts';
import { afterInspect } from './next-steps.ts';

/** Flags of the proof of the overrides. */
export interface ProofFlags extends NamingFlags {
  readonly to?: string;
  readonly config?: string;
  readonly var: string[];
  readonly unmapped?: 'post-render' | 'repack';
}

interface HtmlReportOptions extends Omit<ReportOptions, 'concurrency' | 'prove'> {
  /** File to write; standard output without it. */
  readonly out: string | undefined;
}

/**
 * Writes the report about a bundle. An existing file is replaced only if it is such a report. Exit code 3 if a proof was
 * required and something is left public, missing or not proved.
 * @throws AirgapError `output-exists`, `file`, `no-space`, `usage`, `config`, and as `bundleReport`
 */
export async function writeHtmlReport(
  io: CommandIO,
  file: string,
  { out, ...options }: HtmlReportOptions,
  flags: ProofFlags,
): Promise<void> {
  if (out !== undefined) {
    await checkWritable(out, '--out');
    await checkReplaceable(out, { isOurs: isReportPage, what: 'report of this command' });
  }
  const prove = await proofRequest(io, flags);
  // Recipes of a bundle may take long to solve.
  io.context.watchInterrupts?.();
  const report = await bundleReport(io.context, file, { ...options, prove, concurrency: availableParallelism() });
  if (report.proof !== undefined) reportProof(io, report.proof);
  const pieces = inChunks(htmlReport(report, VERSION));
  if (out === undefined) {
    for (const piece of pieces) io.write(piece);
    return;
  }
  await writeOutput(out, pieces);
  io.print(`${out} written`);
  for (const line of afterInspect(file)) io.info(line);
}

async function proofRequest(io: CommandIO, flags: ProofFlags): Promise<ProofRequest | undefined> {
  const { to, unmapped } = flags;
  if (to === undefined) return undefined;
  const { config, jobs } = await readProfiles(io.context, flags);
  const onPurpose = selectedPatterns({}, config);
  return { target: await targetOf(to, flags, config), jobs, onPurpose, ...(unmapped && { unmapped }) };
}

/** Prints what a proof leaves open: the page has all of it. */
function reportProof(io: CommandIO, proof: OverridesProof): void {
  if (isProved(proof)) return;
  io.setExitCode(3);
  for (const result of proof.proved) if (isIncomplete(result)) io.info(proofReport(result, true), true);
  for (const { chart, version, profile, error } of proof.failed)
    io.info(`${chart} ${version} (profile ${profile}): not proved: ${error.message}`, true);
}

/** Characters that are written at once. */
const CHUNK = 64 * 1024;

/** Joins the many small pieces of a page. */
function* inChunks(pieces: Iterable<string>): Generator<string> {
  let chunk = '';
  for (const piece of pieces) {
    chunk += piece;
    if (chunk.length < CHUNK) continue;
    yield chunk;
    chunk = '';
  }
  yield chunk;
}
