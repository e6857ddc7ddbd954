import { availableParallelism } from 'node:os';
import { checkReplaceable, checkWritable, writeOutput } from '../../base/output-file.ts';
import { bundleReport, type ReportOptions } from '../../workflows/inspect/bundle-report.ts';
import { isReportPage } from '../reports/html/page.ts';
import { htmlReport } from '../reports/html/report.ts';
import type { CommandIO } from '../run.ts';
import { VERSION } from '../version.ts';
import { afterInspect } from './next-steps.ts';

interface HtmlReportOptions extends Omit<ReportOptions, 'concurrency'> {
  /** File to write; standard output without it. */
  readonly out: string | undefined;
}

/**
 * Writes the report about a bundle. An existing file is replaced only if it is such a report.
 * @throws AirgapError `output-exists`, `file`, `no-space`, and as `bundleReport`
 */
export async function writeHtmlReport(
  io: CommandIO,
  file: string,
  { out, ...options }: HtmlReportOptions,
): Promise<void> {
  if (out !== undefined) {
    await checkWritable(out, '--out');
    await checkReplaceable(out, { isOurs: isReportPage, what: 'report of this command' });
  }
  // Recipes of a bundle may take long to solve.
  io.context.watchInterrupts?.();
  const report = await bundleReport(file, { ...options, concurrency: availableParallelism() }, io.context.emit);
  const pieces = inChunks(htmlReport(report, VERSION));
  if (out === undefined) {
    for (const piece of pieces) io.write(piece);
    return;
  }
  await writeOutput(out, pieces);
  io.print(`${out} written`);
  for (const line of afterInspect(file)) io.info(line);
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
