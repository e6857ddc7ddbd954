import { Command } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import type { ChartRequest } from '../../helm/access.ts';
import { type ChartSources, parseChartMirror } from '../../helm/chart-mirrors.ts';
import type { RenderOptions } from '../../helm/render.ts';
import type { ClientCertificate } from '../../http/client-certificate.ts';
import type { ChartJob } from '../../search/search-charts.ts';
import type { Overrides, ValuesOptions } from '../../workflows/values/values.ts';
import type { Config } from '../config/schema.ts';
import { addCertificateFlags, helmCertificates } from '../flags/certificates.ts';
import { chartMirrorOption, refuseUnusedRenderFlags } from '../flags/charts.ts';
import { addCheckTargetFlag, type CheckTargetFlags, withCheckedTarget } from '../flags/check-target.ts';
import { addConfigFlags, type ConfigFlags, chartJobs, readConfiguration } from '../flags/config.ts';
import { addFormatFlags, checkFormat, type FormatFlags } from '../flags/format.ts';
import { chartAllowances, renderLimits } from '../flags/limits.ts';
import { addLoginFlags, chartLogin, type LoginFlags } from '../flags/login.ts';
import { namedAddresses, namedRegistries } from '../flags/named-hosts.ts';
import { formatDocument, outputOption } from '../flags/output.ts';
import { addPullSettingFlags, checkPullSettings, type PullSettingFlags, pullSettings } from '../flags/pull-settings.ts';
import { plainHttpOption } from '../flags/registry.ts';
import { addRenderFlags, chartAccessOf, chartRequest, type RenderFlags, renderOptions } from '../flags/render.ts';
import { readRules, rulesOption } from '../flags/rules.ts';
import { requiredSigner, requireSignatureOption, type SignatureFlags } from '../flags/signing.ts';
import { addNamingFlags, type NamingFlags, targetOf } from '../flags/target.ts';
import { addUnmappedFlags, checkUnmappedFlags, OverridesFiles, type UnmappedFlags } from '../flags/unmapped.ts';
import { examples } from '../help.ts';
import { proofReport } from '../reports/values.ts';
import type { CommandIO } from '../run.ts';
import { checkOut, writeOverrides } from './values-files.ts';
import { writeFormat } from './values-format.ts';

type Flags = RenderFlags &
  LoginFlags &
  FormatFlags &
  UnmappedFlags &
  PullSettingFlags &
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

export function valuesCommand(io: CommandIO): Command {
  const command = new Command('values')
    .description('write values that redirect all images of a chart to a private registry, proved by rendering')
    .argument(
      '[chart]',
      'with --bundle: name of a chart in it, or its file; else chart folder, .tgz file, oci://… reference, or name with --repo',
    )
    .option('--bundle <file>', 'bundle that contains the chart')
    .requiredOption('--to <registry[/prefix]>', 'registry and repository prefix to which the images were pushed')
    .option('--all', 'write overrides for every chart of the bundle')
    .option('--no-proof', 'do not verify the overrides by rendering; the file says so')
    .addOption(requireSignatureOption());
  addCheckTargetFlag(command)
    .addOption(outputOption(['yaml', 'json'], 'yaml'))
    .addHelpText(
      'after',
      examples(
        'values app --bundle app.tar --to registry.example --out app.yaml',
        'values --all --bundle app.tar --to registry.example --out-dir out',
        'values ./app --to registry.example --unmapped=repack --out v.yaml',
      ),
    )
    .optionsGroup('Selection:');
  addConfigFlags(command, 'write overrides for every chart and profile of this airgap.yaml')
    .option('--no-tests', 'leave out helm test resources')
    .option('--no-hooks', 'leave out hooks including helm test, as helm install --no-hooks does')
    .option('--no-operator-defaults', 'leave out default images that operators use for resources created later')
    .addOption(rulesOption())
    .addOption(chartMirrorOption())
    .optionsGroup('Output:')
    .option('--out <file>', 'write the overrides of one chart to a file')
    .option('--out-dir <folder>', 'write one file per chart, or the files of a format');
  addFormatFlags(command);
  addUnmappedFlags(command);
  addPullSettingFlags(command);
  addNamingFlags(command).option('--region <region>', 'accepted like push; names do not depend on the region');
  addLoginFlags(io, command.optionsGroup('Registries and TLS:'))
    .addOption(plainHttpOption())
    .option('--ca-file <file>', 'trust these certificate authorities for chart repository and target, PEM');
  addCertificateFlags(command);
  addRenderFlags(command);
  return command.action(async (chart: string | undefined, flags: Flags) => {
    checkCharts(chart, flags);
    checkPullSettings(flags);
    await checkUnmappedFlags(flags, flags.format, io.context.cwd);
    const files = new OverridesFiles(flags, io.context.cwd);
    if (flags.format === 'values') await checkOut(files);
    const unmappedHandling = files.unmappedOutput();
    const { jobs, chartSources, config } = await resolveCharts(chart, flags, io);
    const access = chartAccessOf(flags, chartSources.caFile, chart ?? '', chartSources.plainHttp);
    const signing = await requiredSigner(flags);
    const { withWrittenNamesFromFile: withWrittenNamesOf } = await import('../../workflows/push/destination.ts');
    const options = {
      request:
        chart === undefined
          ? undefined
          : await bundledRequest(io, chartRequest(chart, flags, access), flags.bundle, signing),
      ...(jobs === undefined ? {} : { jobs }),
      bundle: flags.bundle,
      ...signing,
      target: await withWrittenNamesOf(await targetOf(flags.to, flags, config), flags.bundle, signing),
      render: { ...renderOptions(flags), ...skippedResources(flags) },
      rules: await readRules(flags.rules),
      chartSources,
      prove: flags.proof,
      ...pullSettings(flags),
      inject: flags.inject,
      operatorDefaults: flags.operatorDefaults,
      ...(unmappedHandling === undefined ? {} : { unmappedHandling }),
    };
    const { target } = options;
    const { caFile, plainHttp } = chartSources;
    const targetCheck = { target, chart: options.request?.chart, ...signing, plainHttp, ...(caFile && { caFile }) };
    const { registryLogin } = flags;
    await withCheckedTarget(io, flags, { ...targetCheck, ...(registryLogin && { registryLogin }) }, () =>
      flags.format === 'values' ? writeValues(io, options, flags, files) : writeFormat(io, options, flags),
    );
  });
}

async function writeValues(io: CommandIO, options: ValuesOptions, flags: Flags, files: OverridesFiles): Promise<void> {
  const { values } = await import('../../workflows/values/values.ts');
  const results = await values(io.context, options);
  for (const result of results) io.info(proofReport(result, flags.config !== undefined));
  const isPrinted = flags.outDir === undefined && (flags.out === undefined || flags.output === 'json');
  // Overrides on stdout must stand alone; without them, the files are the result.
  await writeOverrides(results, files, io.context.cwd, isPrinted ? io.info : io.print);
  if (isPrinted)
    for (const result of results) io.print(flags.output === 'json' ? await overridesDocument(result) : result.yaml);
  if (results.some(({ proof, notInBundle }) => proof.residue.length > 0 || notInBundle.length > 0)) io.setExitCode(3);
}

/** Checks that charts are selected in exactly one way, and the combination of flags. @throws AirgapError `usage` */
function checkCharts(chart: string | undefined, flags: Flags): void {
  const { all = false, config, format, outDir } = flags;
  if ([chart !== undefined, all, config !== undefined].filter(Boolean).length !== 1) {
    throw new AirgapError('usage', 'give one chart, --all with --bundle, or --config', {
      hint: 'helm airgap inspect BUNDLE lists the charts of a bundle',
    });
  }
  if (flags.requireSignature !== undefined && flags.bundle === undefined) {
    throw new AirgapError('usage', '--require-signature needs --bundle', {
      hint: 'add --bundle, the bundle whose signature is checked',
    });
  }
  checkFormat(flags, all);
  if (config !== undefined && format !== 'values' && format !== 'aggregate') {
    throw new AirgapError('usage', `--config cannot be used with --format ${format}`, { hint: 'name one chart' });
  }
  const needProof = { '--unmapped': flags.residue, '--pin': flags.pin, '--pull-secret': flags.pullSecret };
  const conflict = Object.entries(needProof).find(([, value]) => value !== undefined)?.[0];
  if (!flags.proof && (conflict !== undefined || format !== 'values')) {
    throw new AirgapError('usage', `--no-proof cannot be used with ${conflict ?? `--format ${format}`}`, {
      hint: 'leave one of them out',
    });
  }
  const isOneFile = ['map', 'containerd', 'mirrorset', 'kustomize'].includes(format);
  if (chart === undefined && outDir === undefined && !isOneFile) {
    const flag = all ? '--all' : '--config';
    throw new AirgapError('usage', `${flag} writes one file per chart`, { hint: 'name a folder with --out-dir' });
  }
}

/** Returns charts and chart sources of the configuration file and the command line, which takes precedence. */
async function resolveCharts(
  chart: string | undefined,
  flags: Flags,
  io: CommandIO,
): Promise<{
  readonly jobs: readonly ChartJob[] | undefined;
  readonly chartSources: ChartSources & { readonly clientCertificates: readonly ClientCertificate[] };
  readonly config?: Pick<Config, 'naming'>;
}> {
  const { context } = io;
  const { cwd } = context;
  const flagMirrors = flags.chartMirror.map((text) => parseChartMirror(text, cwd));
  if (flags.config !== undefined) refuseUnusedRenderFlags(flags);
  const { config, folder, caFile, plainHttp, clientCertificates } = await readConfiguration(flags, context);
  const connection = { plainHttp, clientCertificates, certificates: helmCertificates(clientCertificates, context.env) };
  if (config === undefined) {
    const namedHosts = namedAddresses([{ request: chartRequest(chart ?? '', flags, {}) }], [], flagMirrors, plainHttp);
    const allowed = chartAllowances(flags, namedHosts, cwd);
    const findLogin = chartLogin(io, flags, namedRegistries(allowed));
    const sources = {
      mirrors: flagMirrors,
      ...connection,
      ...(caFile === undefined ? {} : { caFile }),
      ...allowed,
      findLogin,
    };
    return { jobs: undefined, chartSources: sources };
  }
  const mirrors = Object.entries(config.chartMirrors).map(([from, to]) => parseChartMirror(`${from}=${to}`, folder));
  const skipped = skippedResources({
    tests: flags.tests && config.tests !== false,
    hooks: flags.hooks && config.hooks !== false,
  });
  const jobs = chartJobs(config, folder, { caFile, plainHttp }, renderLimits(flags, config)).map(
    ({ request, profiles }) => ({
      request,
      profiles: profiles.map(({ name, options }) => ({ name, options: { ...options, ...skipped } })),
    }),
  );
  const all = [...flagMirrors, ...mirrors];
  const registries = Object.entries(config.mirrors).map(([from, to]) => `${from}=${to}`);
  const allowed = chartAllowances(flags, namedAddresses(jobs, registries, all, plainHttp), cwd, config, folder);
  return {
    jobs,
    config,
    chartSources: {
      ...{ mirrors: all, ...connection, ...allowed, findLogin: chartLogin(io, flags, namedRegistries(allowed)) },
      ...(caFile === undefined ? {} : { caFile }),
    },
  };
}

async function bundledRequest(
  { context }: CommandIO,
  request: ChartRequest,
  bundle: string | undefined,
  signing: Pick<ValuesOptions, 'signer'>,
): Promise<ChartRequest> {
  if (bundle === undefined) return request;
  const { bundledChartByFile } = await import('../../workflows/values/bundled-charts.ts');
  return bundledChartByFile(context, { bundle, ...signing }, request);
}

/** Returns render options for the parts of a chart that are not installed. */
function skippedResources({ tests, hooks }: Pick<Flags, 'tests' | 'hooks'>): RenderOptions {
  return { ...(hooks ? {} : { noHooks: true }), ...(tests ? {} : { skipTests: true }) };
}

function overridesDocument(result: Overrides): Promise<string> {
  const { chart, version, profile, overrides, proof, copied, notInBundle, moreInBundle, postRenderMap, changedChart } =
    result;
  const copiedFields = copied.length === 0 ? {} : { copied };
  const moreFields = moreInBundle && {
    moreInBundle: { references: moreInBundle.references, profiles: moreInBundle.profiles },
  };
  const missing = notInBundle.length === 0 ? {} : { notInBundle };
  const map = postRenderMap === undefined ? {} : { residueMap: JSON.parse(postRenderMap.text) as object };
  const changed = changedChart && { changedChart: { file: changedChart.name, changes: changedChart.changes } };
  const optionalFields = { ...copiedFields, ...missing, ...moreFields, ...map, ...changed };
  return formatDocument('Overrides', { chart, version, profile, overrides, proof, ...optionalFields }, 'json');
}
