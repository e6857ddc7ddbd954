import { dirname, resolve } from 'node:path';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { AirgapError } from '../../base/errors.ts';
import { pathInside, UniqueFileNames } from '../../base/file-names.ts';
import { isPlainHttp } from '../../base/host-spellings.ts';
import { toFileName } from '../../base/names.ts';
import { checkReplaceable, makeFolder, writeOutput } from '../../base/output-file.ts';
import { chartArchiveRepository, chartsPath, type Target } from '../../naming/naming.ts';
import { digestOf } from '../../oci/digest.ts';
import { formatRepository } from '../../oci/reference.ts';
import { isIncomplete } from '../../workflows/values/bundle-coverage.ts';
import type { CarryingResult } from '../../workflows/values/carrying-charts.ts';
import type { ValuesOptions } from '../../workflows/values/values.ts';
import { formatResults } from '../flags/output.ts';
import type { FormatFlags, UnmappedFlags } from '../flags/overrides.ts';
import { displayPath } from '../reports/text.ts';
import { carryingReport } from '../reports/values-chart.ts';
import type { CommandIO } from '../run.ts';
import { afterLeft, afterMissing } from './after-values.ts';
import { afterChartArchives } from './chart-archive-steps.ts';

/** Flags for charts that carry their overrides. */
export interface CarryingFlags extends FormatFlags, UnmappedFlags {
  readonly chartPrefix?: string;
  readonly plainHttp: readonly string[];
  readonly output: 'yaml' | 'json';
}

/** Returns the flags with `--out` of several charts as the folder that it is. */
export function withOutFolder<F extends CarryingFlags>(flags: F, chart: string | undefined): F {
  const { format, out, outDir } = flags;
  if (format !== 'chart' || chart !== undefined || out === undefined || outDir !== undefined) return flags;
  return { ...flags, out: undefined, outDir: out };
}

/** Checks the flags of `--format chart`. @throws AirgapError `usage` */
export function checkCarryingFlags({ out, outDir, residue, residueChart }: CarryingFlags): void {
  const refuse = (message: string, hint: string): never => {
    throw new AirgapError('usage', message, { hint });
  };
  if (out === undefined && outDir === undefined)
    refuse('--format chart writes an archive and needs a path for it', 'add --out FILE.tgz, or --out-dir FOLDER');
  if (residue === 'post-render')
    refuse(
      '--unmapped=post-render cannot be used with --format chart: it is installed without a post-renderer',
      'leave it out: templates are changed where no value redirects a reference',
    );
  if (residueChart !== undefined) refuse('--unmapped-chart cannot be used with --format chart', 'use --out instead');
}

/**
 * Writes charts that carry their overrides, and returns the next step.
 * @throws AirgapError `output-exists`, `no-space`, `file`; `usage` for a prefix of upstream charts; errors of the workflow
 */
export async function writeCarryingCharts(
  io: CommandIO,
  options: ValuesOptions,
  flags: CarryingFlags,
  command: CommandUnknownOpts,
): Promise<readonly string[]> {
  const { cwd } = io.context;
  const { target, jobs } = options;
  const prefix = await archivePrefix(target, flags.chartPrefix);
  const paths = new Map<string, string>();
  const { carryingCharts } = await import('../../workflows/values/carrying-charts.ts');
  const results = await carryingCharts(io.context, {
    ...options,
    editTemplates: flags.residue !== 'inject',
    expect: async (charts) => {
      for (const [name, path] of archivePaths(charts, flags, cwd)) paths.set(name, path);
      for (const path of paths.values()) await checkOurs(path);
    },
  });
  const written = results.map((result) => ({ result, path: paths.get(nameOf(result)) ?? '' }));
  for (const { result, path } of written)
    io.info(carryingReport(result, displayPath(path, cwd), jobs !== undefined), isIncomplete(result));
  for (const { path } of written) await checkOurs(path);
  const isJson = flags.output === 'json';
  for (const { result, path } of written) {
    await makeFolder(dirname(path));
    await writeOutput(path, result.archive);
    (isJson ? io.info : io.print)(`${displayPath(path, cwd)} written`);
  }
  if (isJson)
    io.print(
      await formatResults(
        'Overrides',
        written.map(({ result, path }) => document(result, displayPath(path, cwd))),
      ),
    );
  if (written.some(({ result }) => isIncomplete(result))) {
    io.setExitCode(3);
    const isPublic = results.some(({ proof }) => proof.residue.length > 0);
    return isPublic
      ? afterLeft(command)
      : afterMissing(
          command,
          results.flatMap(({ notInBundle }) => notInBundle),
        );
  }
  return afterChartArchives(command, {
    prefix,
    isConfigured: jobs !== undefined,
    plainHttp: isPlainHttp(target.registry, flags.plainHttp),
    namespace: io.context.env.HELM_NAMESPACE,
    archives: written.map(({ result: { chart, version }, path }) => ({
      file: displayPath(path, cwd),
      chart,
      version,
      address: address({ ...target, archivePrefix: prefix }, chart),
    })),
  });
}

/**
 * Returns the path for the charts from the root of the registry: that of the flag, else a proposal.
 * @throws AirgapError `usage` if upstream charts go there
 */
async function archivePrefix(target: Target, given: string | undefined): Promise<string> {
  const { installedPrefix } = await import('../../workflows/push/chart-archives.ts');
  const { archivePrefix: prefix = installedPrefix(target) } = target;
  if (given === undefined) return installedPrefix(target);
  if (prefix !== chartsPath(target)) return prefix;
  throw new AirgapError('usage', `--chart-prefix ${given} is where upstream charts go, which have the same names`, {
    hint: `give another one, such as --chart-prefix ${installedPrefix(target)}`,
  });
}

/** Returns where `push` puts a chart archive; a placeholder for a name that no repository can have. */
function address(target: Target, chart: string): string {
  try {
    return `oci://${formatRepository(chartArchiveRepository(target, chart))}`;
  } catch {
    return 'CHART';
  }
}

/** Returns the absolute path of each archive, by name and version of the chart. */
function archivePaths(
  charts: readonly { readonly chart: string; readonly version: string }[],
  { out, outDir }: CarryingFlags,
  cwd: string,
): Map<string, string> {
  const names = new UniqueFileNames();
  return new Map(
    charts.map((chart) => {
      const file = `${names.take(toFileName(chart.chart, chart.version))}.tgz`;
      return [nameOf(chart), outDir === undefined ? resolve(cwd, out ?? file) : pathInside(resolve(cwd, outDir), file)];
    }),
  );
}

function nameOf({ chart, version }: { readonly chart: string; readonly version: string }): string {
  return `${chart} ${version}`;
}

async function checkOurs(path: string): Promise<void> {
  const isOurs = async (): Promise<boolean> => (await import('../../helm/chart-edit.ts')).isChangedChart(path);
  await checkReplaceable(path, { isOurs, what: 'chart that this command wrote' });
}

function document(result: CarryingResult, file: string): object {
  const { chart, version, profiles, overrides, proof, notInBundle, moreInBundle } = result;
  const { archive, upstream, changes, rewritten, needsValues } = result;
  return {
    ...{ chart, version, profiles, overrides, proof },
    notInBundle: notInBundle.length === 0 ? undefined : notInBundle,
    moreInBundle: moreInBundle && { references: moreInBundle.references, profiles: moreInBundle.profiles },
    chartArchive: {
      file,
      digest: digestOf(archive),
      upstreamDigest: upstream,
      changes,
      valuesRewritten: rewritten,
      needsValues,
    },
  };
}
