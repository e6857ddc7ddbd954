import { dirname, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import { type ChartSources, parseChartMirror } from '../../helm/chart-mirrors.ts';
import type { RenderOptions } from '../../helm/render.ts';
import { proofReport } from '../../ui/reports.ts';
import type { ChartJob } from '../../workflows/search/discover.ts';
import type { Overrides } from '../../workflows/values.ts';
import type { Config } from '../config/schema.ts';
import { refuseStray } from '../flags/charts.ts';
import { addCompletionFlags, type CompletionFlags, checkCompletion, completionOf } from '../flags/completion.ts';
import { jobsOf, readConfigFile } from '../flags/config.ts';
import { addFormatFlags, checkFormat, type FormatFlags } from '../flags/format.ts';
import { asDocument, outputOption } from '../flags/output.ts';
import { accessFlags, addRenderFlags, chartRequest, type RenderFlags, renderOptions, repeat } from '../flags/render.ts';
import { addResidueFlags, checkResidue, OverridesFiles, type ResidueFlags } from '../flags/residue.ts';
import { readRules, rulesOption } from '../flags/rules.ts';
import { requiredSigner, requireSignatureOption, type SignatureFlags } from '../flags/signing.ts';
import { addNamingFlags, type NamingFlags, targetOf } from '../flags/target.ts';
import type { Edge } from '../run.ts';
import { writeOverrides } from './values-files.ts';
import { writeFormat } from './values-format.ts';

type Flags = RenderFlags &
  FormatFlags &
  ResidueFlags &
  CompletionFlags &
  SignatureFlags &
  NamingFlags & {
    bundle?: string;
    to: string;
    all?: true;
    config?: string;
    var: string[];
    /** Commander's names for `--no-tests` and `--no-hooks`. */
    tests: boolean;
    hooks: boolean;
    /** Commander's name for `--no-proof`. */
    proof: boolean;
    caFile?: string;
    plainHttp: string[];
    chartMirror: string[];
    rules: string[];
    output: 'yaml' | 'json';
  };

export function valuesCommand(edge: Edge): Command {
  const command = new Command('values')
    .description("write the values that make a chart use the private registry's images, proved by rendering")
    .argument('[chart]', 'with --bundle the name of a chart in it; else folder, .tgz, oci://…, or a name with --repo')
    .option('--bundle <file>', 'the bundle that holds the chart')
    .requiredOption('--to <registry[/prefix]>', 'where push sent the images')
    .option('--all', 'every chart of the bundle')
    .option('--config <file>', 'airgap.yaml: every chart of it under each of its profiles; with --bundle out of that')
    .addOption(
      new Option('--var <name=value>', 'a value for a variable of the configuration file (repeatable)')
        .argParser(repeat)
        .default([], ''),
    )
    .option('--no-proof', 'do not render with the overrides to see whether they do it; their file says so')
    .option('--no-tests', 'without helm test, for whoever does not run it')
    .option('--no-hooks', 'without hooks, tests among them: helm install --no-hooks')
    .option('--out-dir <folder>', 'one file for each chart, or the files of a format')
    .option('--ca-file <file>', 'certificate authorities to trust for the chart repository (PEM)')
    .addOption(
      new Option('--plain-http <host[:port]>', 'a chart registry that speaks HTTP without TLS (repeatable)')
        .argParser(repeat)
        .default([], ''),
    )
    .addOption(
      new Option('--chart-mirror <from=to>', 'a chart repository (or *) read from another URL or a folder (repeatable)')
        .argParser(repeat)
        .default([], ''),
    )
    .addOption(requireSignatureOption())
    .addOption(rulesOption())
    .addOption(outputOption(['yaml', 'json'], 'yaml'));
  addResidueFlags(command);
  addCompletionFlags(command);
  addFormatFlags(command);
  addNamingFlags(command);
  addRenderFlags(command);
  return command.action(async (chart: string | undefined, flags: Flags) => {
    checkCharts(chart, flags);
    checkCompletion(flags);
    await checkResidue(flags, flags.format, edge.context.cwd);
    const files = new OverridesFiles(flags, edge.context.cwd);
    const residue = files.residueFile();
    const { jobs, chartSources, config } = await configured(flags, edge);
    const access = accessFlags(flags, chartSources.caFile, chart ?? '', chartSources.plainHttp);
    const signing = await requiredSigner(flags);
    const { withWrittenIn } = await import('../../workflows/pushing/places.ts');
    const options = {
      request: chart === undefined ? undefined : chartRequest(chart, flags, access),
      ...(jobs === undefined ? {} : { jobs }),
      bundle: flags.bundle,
      ...signing,
      target: await withWrittenIn(await targetOf(flags.to, flags, config), flags.bundle, signing),
      render: { ...renderOptions(flags), ...left(flags) },
      rules: await readRules(flags.rules),
      chartSources,
      prove: flags.proof,
      ...completionOf(flags),
      inject: flags.residue !== undefined,
      ...(residue === undefined ? {} : { residue }),
    };
    if (flags.format !== 'values') return writeFormat(edge, options, flags);
    const { values } = await import('../../workflows/values.ts');
    const results = await values(edge.context, options);
    for (const result of results) edge.tell(proofReport(result));
    await writeOverrides(results, files, edge);
    const isPrinted = flags.outDir === undefined && (flags.out === undefined || flags.output === 'json');
    if (isPrinted)
      for (const result of results) edge.print(flags.output === 'json' ? await asJson(result) : result.yaml);
    if (results.some(({ proof, notInBundle }) => proof.residue.length > 0 || notInBundle.length > 0)) edge.answer(3);
  });
}

/** @throws AirgapError `usage` unless it is said which charts, in one way */
function checkCharts(chart: string | undefined, flags: Flags): void {
  const { all = false, config, format, outDir } = flags;
  if ([chart !== undefined, all, config !== undefined].filter(Boolean).length !== 1) {
    throw new AirgapError('usage', 'give one chart, --all with --bundle, or --config', {
      hint: 'helm airgap inspect BUNDLE lists the charts of a bundle',
    });
  }
  if (flags.requireSignature !== undefined && flags.bundle === undefined) {
    throw new AirgapError('usage', '--require-signature is for the signature of a bundle', {
      hint: 'name the bundle with --bundle',
    });
  }
  checkFormat(flags, all);
  if (config !== undefined && format !== 'values') {
    throw new AirgapError('usage', `--config does not go with --format ${format}`, { hint: 'name one chart' });
  }
  const proving = { '--residue': flags.residue, '--pin': flags.pin, '--pull-secret': flags.pullSecret };
  const needs = Object.entries(proving).find(([, value]) => value !== undefined)?.[0];
  if (!flags.proof && (needs !== undefined || format !== 'values')) {
    const what = needs ?? `--format ${format}`;
    throw new AirgapError('usage', `--no-proof does not go with ${what}`, { hint: 'leave one of them out' });
  }
  const isOneFile = ['map', 'containerd', 'mirrorset', 'kustomize'].includes(format);
  if (chart === undefined && outDir === undefined && !isOneFile) {
    const flag = all ? '--all' : '--config';
    throw new AirgapError('usage', `${flag} writes one file for each chart`, { hint: 'say where with --out-dir' });
  }
}

/** Charts and places of a configuration file, and those of the command line before them. */
async function configured(
  flags: Flags,
  { context: { cwd, env } }: Edge,
): Promise<{
  readonly jobs: readonly ChartJob[] | undefined;
  readonly chartSources: ChartSources;
  readonly config?: Pick<Config, 'naming'>;
}> {
  const own = flags.chartMirror.map((text) => parseChartMirror(text, cwd));
  if (flags.config === undefined) {
    const { caFile, plainHttp } = flags;
    return { jobs: undefined, chartSources: { mirrors: own, plainHttp, ...(caFile === undefined ? {} : { caFile }) } };
  }
  refuseStray(flags);
  const config = await readConfigFile(flags.config, flags.var, env);
  const folder = dirname(resolve(cwd, flags.config));
  const caFile = flags.caFile ?? (config.caFile === undefined ? undefined : resolve(folder, config.caFile));
  const plainHttp = [...flags.plainHttp, ...config.plainHttp];
  const mirrors = Object.entries(config.chartMirrors).map(([from, to]) => parseChartMirror(`${from}=${to}`, folder));
  const out = left({ tests: flags.tests && config.tests !== false, hooks: flags.hooks && config.hooks !== false });
  const jobs = jobsOf(config, folder, { caFile, plainHttp }).map(({ request, profiles }) => ({
    request,
    profiles: profiles.map(({ name, options }) => ({ name, options: { ...options, ...out } })),
  }));
  return {
    jobs,
    config,
    chartSources: { mirrors: [...own, ...mirrors], plainHttp, ...(caFile === undefined ? {} : { caFile }) },
  };
}

/** What of a chart is not installed. */
function left({ tests, hooks }: Pick<Flags, 'tests' | 'hooks'>): RenderOptions {
  return { ...(hooks ? {} : { noHooks: true }), ...(tests ? {} : { skipTests: true }) };
}

function asJson(result: Overrides): Promise<string> {
  const { chart, version, profile, overrides, proof, notInBundle, residueMap, changedChart } = result;
  const missing = notInBundle.length === 0 ? {} : { notInBundle };
  const map = residueMap === undefined ? {} : { residueMap: JSON.parse(residueMap.text) as object };
  const changed = changedChart && { changedChart: { file: changedChart.name, changes: changedChart.changes } };
  return asDocument('Overrides', { chart, version, profile, overrides, proof, ...missing, ...map, ...changed }, 'json');
}
