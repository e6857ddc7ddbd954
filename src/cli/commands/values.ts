import { Command, Option } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import { type ChartSources, parseChartMirror } from '../../helm/chart-mirrors.ts';
import type { ChartRequest } from '../../helm/fetch.ts';
import type { RenderOptions } from '../../helm/render.ts';
import type { ClientCertificate } from '../../http/client-certificate.ts';
import { proofReport } from '../../ui/reports.ts';
import type { ChartJob } from '../../workflows/search/discover.ts';
import type { Overrides, ValuesOptions } from '../../workflows/values.ts';
import type { Config } from '../config/schema.ts';
import { addCertificateFlags, helmCertificates } from '../flags/certificates.ts';
import { refuseStray } from '../flags/charts.ts';
import { addCheckTargetFlag, type CheckTargetFlags, withCheckedTarget } from '../flags/check-target.ts';
import { addCompletionFlags, type CompletionFlags, checkCompletion, completionOf } from '../flags/completion.ts';
import { addConfigFlags, type ConfigFlags, jobsOf, readConfiguration } from '../flags/config.ts';
import { addFormatFlags, checkFormat, type FormatFlags } from '../flags/format.ts';
import { chartAllowances, renderLimits } from '../flags/limits.ts';
import { addLoginFlags, chartLogin, type LoginFlags } from '../flags/login.ts';
import { namedIn, namedRegistries } from '../flags/named-hosts.ts';
import { asDocument, outputOption } from '../flags/output.ts';
import { accessOf, addRenderFlags, chartRequest, type RenderFlags, renderOptions } from '../flags/render.ts';
import { repeat } from '../flags/repeat.ts';
import { addResidueFlags, checkResidue, OverridesFiles, type ResidueFlags } from '../flags/residue.ts';
import { readRules, rulesOption } from '../flags/rules.ts';
import { requiredSigner, requireSignatureOption, type SignatureFlags } from '../flags/signing.ts';
import { addNamingFlags, type NamingFlags, targetOf } from '../flags/target.ts';
import type { Edge } from '../run.ts';
import { checkOut, writeOverrides } from './values-files.ts';
import { writeFormat } from './values-format.ts';

type Flags = RenderFlags &
  LoginFlags &
  FormatFlags &
  ResidueFlags &
  CompletionFlags &
  SignatureFlags &
  CheckTargetFlags &
  NamingFlags &
  ConfigFlags & {
    bundle?: string;
    to: string;
    all?: true;
    /** Commander's names for `--no-tests` and `--no-hooks`. */
    tests: boolean;
    hooks: boolean;
    /** Commander's name for `--no-operator-defaults`. */
    operatorDefaults: boolean;
    /** Commander's name for `--no-proof`. */
    proof: boolean;
    caFile?: string;
    plainHttp: string[];
    clientCert?: string[];
    clientKey?: string[];
    chartMirror: string[];
    rules: string[];
    output: 'yaml' | 'json';
  };

export function valuesCommand(edge: Edge): Command {
  const command = new Command('values')
    .description("write the values that make a chart use the private registry's images, proved by rendering")
    .argument(
      '[chart]',
      'with --bundle the name of a chart in it, or its file; else folder, .tgz, oci://…, or a name with --repo',
    )
    .option('--bundle <file>', 'the bundle that holds the chart')
    .requiredOption('--to <registry[/prefix]>', 'where push sent the images')
    .option('--all', 'every chart of the bundle');
  addConfigFlags(command, ': every chart of it under each of its profiles; with --bundle out of that')
    .option('--no-proof', 'do not render with the overrides to see whether they do it; their file says so')
    .option('--no-tests', 'without helm test, for whoever does not run it')
    .option('--no-hooks', 'without hooks, tests among them: helm install --no-hooks')
    .option('--no-operator-defaults', "without operators' default images for resources that users are going to make")
    .option('--out-dir <folder>', 'one file for each chart, or the files of a format')
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
  addCheckTargetFlag(command);
  addFormatFlags(command);
  addLoginFlags(edge, command.optionsGroup('Registries:'))
    .addOption(
      new Option('--plain-http <host[:port]>', 'a registry that speaks HTTP without TLS (repeatable)')
        .argParser(repeat)
        .default([], ''),
    )
    .option('--ca-file <file>', 'certificate authorities to trust for chart repository and target (PEM)');
  addCertificateFlags(command);
  // The same flags as of push, to be given to both.
  addNamingFlags(command).option(
    '--region <region>',
    'of a target with --registry-type ecr; names do not depend on it',
  );
  addRenderFlags(command);
  return command.action(async (chart: string | undefined, flags: Flags) => {
    checkCharts(chart, flags);
    checkCompletion(flags);
    await checkResidue(flags, flags.format, edge.context.cwd);
    const files = new OverridesFiles(flags, edge.context.cwd);
    if (flags.format === 'values') await checkOut(files);
    const residue = files.residueFile();
    const { jobs, chartSources, config } = await configured(chart, flags, edge);
    const access = accessOf(flags, chartSources.caFile, chart ?? '', chartSources.plainHttp);
    const signing = await requiredSigner(flags);
    const { withWrittenIn } = await import('../../workflows/pushing/places.ts');
    const options = {
      request:
        chart === undefined
          ? undefined
          : await requested(edge, chartRequest(chart, flags, access), flags.bundle, signing),
      ...(jobs === undefined ? {} : { jobs }),
      bundle: flags.bundle,
      ...signing,
      target: await withWrittenIn(await targetOf(flags.to, flags, config), flags.bundle, signing),
      render: { ...renderOptions(flags), ...left(flags) },
      rules: await readRules(flags.rules),
      chartSources,
      prove: flags.proof,
      ...completionOf(flags),
      inject: flags.inject,
      operatorDefaults: flags.operatorDefaults,
      ...(residue === undefined ? {} : { residue }),
    };
    const { target } = options;
    const { caFile, plainHttp } = chartSources;
    const checked = { target, chart: options.request?.chart, ...signing, plainHttp, ...(caFile && { caFile }) };
    const { registryLogin } = flags;
    await withCheckedTarget(edge, flags, { ...checked, ...(registryLogin && { registryLogin }) }, () =>
      flags.format === 'values' ? writeValues(edge, options, flags, files) : writeFormat(edge, options, flags),
    );
  });
}

async function writeValues(edge: Edge, options: ValuesOptions, flags: Flags, files: OverridesFiles): Promise<void> {
  const { values } = await import('../../workflows/values.ts');
  const results = await values(edge.context, options);
  for (const result of results) edge.tell(proofReport(result, flags.config !== undefined));
  await writeOverrides(results, files, edge);
  const isPrinted = flags.outDir === undefined && (flags.out === undefined || flags.output === 'json');
  if (isPrinted) for (const result of results) edge.print(flags.output === 'json' ? await asJson(result) : result.yaml);
  if (results.some(({ proof, notInBundle }) => proof.residue.length > 0 || notInBundle.length > 0)) edge.answer(3);
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
  if (config !== undefined && format !== 'values' && format !== 'aggregate') {
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
  chart: string | undefined,
  flags: Flags,
  edge: Edge,
): Promise<{
  readonly jobs: readonly ChartJob[] | undefined;
  readonly chartSources: ChartSources & { readonly clientCertificates: readonly ClientCertificate[] };
  readonly config?: Pick<Config, 'naming'>;
}> {
  const { context } = edge;
  const { cwd } = context;
  const own = flags.chartMirror.map((text) => parseChartMirror(text, cwd));
  if (flags.config !== undefined) refuseStray(flags);
  const { config, folder, caFile, plainHttp, clientCertificates } = await readConfiguration(flags, context);
  const reached = { plainHttp, clientCertificates, certificates: helmCertificates(clientCertificates, context.env) };
  if (config === undefined) {
    const named = namedIn([{ request: chartRequest(chart ?? '', flags, {}) }], [], own, plainHttp);
    const allowed = chartAllowances(flags, named, cwd);
    const login = chartLogin(edge, flags, namedRegistries(allowed));
    const sources = { mirrors: own, ...reached, ...(caFile === undefined ? {} : { caFile }), ...allowed, login };
    return { jobs: undefined, chartSources: sources };
  }
  const mirrors = Object.entries(config.chartMirrors).map(([from, to]) => parseChartMirror(`${from}=${to}`, folder));
  const out = left({ tests: flags.tests && config.tests !== false, hooks: flags.hooks && config.hooks !== false });
  const jobs = jobsOf(config, folder, { caFile, plainHttp }, renderLimits(flags, config)).map(
    ({ request, profiles }) => ({
      request,
      profiles: profiles.map(({ name, options }) => ({ name, options: { ...options, ...out } })),
    }),
  );
  const all = [...own, ...mirrors];
  const registries = Object.entries(config.mirrors).map(([from, to]) => `${from}=${to}`);
  const allowed = chartAllowances(flags, namedIn(jobs, registries, all, plainHttp), cwd, config, folder);
  return {
    jobs,
    config,
    chartSources: {
      ...{ mirrors: all, ...reached, ...allowed, login: chartLogin(edge, flags, namedRegistries(allowed)) },
      ...(caFile === undefined ? {} : { caFile }),
    },
  };
}

async function requested(
  { context }: Edge,
  request: ChartRequest,
  bundle: string | undefined,
  signing: Pick<ValuesOptions, 'signer'>,
): Promise<ChartRequest> {
  if (bundle === undefined) return request;
  const { chartByFile } = await import('../../workflows/bundling/chart-by-file.ts');
  return chartByFile(context, { bundle, ...signing }, request);
}

/** What of a chart is not installed. */
function left({ tests, hooks }: Pick<Flags, 'tests' | 'hooks'>): RenderOptions {
  return { ...(hooks ? {} : { noHooks: true }), ...(tests ? {} : { skipTests: true }) };
}

function asJson(result: Overrides): Promise<string> {
  const { chart, version, profile, overrides, proof, copied, notInBundle, beyond, residueMap, changedChart } = result;
  const whole = copied.length === 0 ? {} : { copied };
  const more = beyond && { moreInBundle: { references: beyond.references, profiles: beyond.profiles } };
  const missing = notInBundle.length === 0 ? {} : { notInBundle };
  const map = residueMap === undefined ? {} : { residueMap: JSON.parse(residueMap.text) as object };
  const changed = changedChart && { changedChart: { file: changedChart.name, changes: changedChart.changes } };
  const found = { ...whole, ...missing, ...more, ...map, ...changed };
  return asDocument('Overrides', { chart, version, profile, overrides, proof, ...found }, 'json');
}
