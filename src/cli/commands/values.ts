import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { AirgapError } from '../../base/errors.ts';
import type { ChartRequest } from '../../helm/access.ts';
import { isIncomplete } from '../../workflows/values/bundle-coverage.ts';
import type { Overrides, ValuesOptions } from '../../workflows/values/values.ts';
import { withoutParts } from '../flags/chart-jobs.ts';
import {
  addConfigFlags,
  addManifestFlags,
  addRenderFlags,
  chartMirrorOption,
  readRules,
  rulesOption,
} from '../flags/charts.ts';
import { failOnOption, failsOn } from '../flags/fail-on.ts';
import { addSignerFlags } from '../flags/keyless.ts';
import { addLoginFlags, type ReadLogin } from '../flags/login.ts';
import { addOnPurposeFlags, onPurposeOf } from '../flags/on-purpose.ts';
import type { FlagsOf } from '../flags/option.ts';
import { formatResults, outputOption, printReport } from '../flags/output.ts';
import {
  addFormatFlags,
  addPullSettingFlags,
  addUnmappedFlags,
  checkFormat,
  checkPullSettings,
  checkUnmappedFlags,
  formatsOf,
  isFormatOf,
} from '../flags/overrides.ts';
import { addTrustFlags } from '../flags/registry.ts';
import { readSettings, type Settings } from '../flags/settings.ts';
import { requiredSigners, requireSignatureOption } from '../flags/signatures.ts';
import { addCheckTargetFlag, addNamingFlags, archiveTargetOf, targetOf, withCheckedTarget } from '../flags/target.ts';
import { examples } from '../help.ts';
import { displayPath } from '../reports/text.ts';
import { proofReport } from '../reports/values.ts';
import type { CommandIO } from '../run.ts';
import { afterMissing, afterUnmapped, afterValues } from './after-values.ts';
import { checkCarryingFlags, withOutFolder, writeCarryingCharts } from './values-chart.ts';
import { checkOut, OverridesFiles, writeOverrides } from './values-files.ts';
import { installedFrom, writeFormat } from './values-format.ts';
import { checkPolicySources, policySignatures, refuseSignerFlags } from './values-policies.ts';

/** Declares the command and its flags. */
function declare(io: CommandIO) {
  const command = new Command('values')
    .argument(
      '[chart]',
      'with --bundle: name of a chart in it, or its file; else chart folder, .tgz file, oci://... reference, or name with --repo',
    )
    .option('--bundle <file>', 'bundle that contains the chart')
    .requiredOption('--to <registry[/prefix]>', 'registry and repository prefix to which the images were pushed')
    .option('--all', 'write overrides for every chart of the bundle')
    .option('--no-proof', 'do not verify the overrides by rendering; the file says so')
    .addOption(requireSignatureOption());
  const checking = addCheckTargetFlag(command)
    .addOption(outputOption(['yaml', 'json'], 'yaml'))
    .addOption(failOnOption())
    .addHelpText(
      'after',
      examples(
        'values app --bundle app.tar --to registry.example --out app.yaml',
        'values --all --bundle app.tar --to registry.example --out-dir out',
        'values ./app --to registry.example --unmapped=repack --out v.yaml',
        'values ./app --to registry.example --format chart --out app.tgz',
      ),
    )
    .optionsGroup('Selection:');
  const selecting = addOnPurposeFlags(
    addManifestFlags(addConfigFlags(checking, 'write overrides for every chart and profile of this airgap.yaml')),
  )
    .option('--images <file>', 'images of a list, one per line, in place of a chart')
    .option('--no-tests', 'leave out helm test resources')
    .option('--no-hooks', 'leave out hooks including helm test, as helm install --no-hooks does')
    .option('--no-operator-defaults', 'leave out default images that operators use for resources created later')
    .addOption(rulesOption())
    .addOption(chartMirrorOption());
  const writing = addPullSettingFlags(addUnmappedFlags(addFormatFlags(selecting)));
  const signing = addSignerFlags(writing.optionsGroup('Policies (--format kyverno and policy-controller):'));
  const naming = addNamingFlags(signing)
    .option('--region <region>', 'accepted like push; names do not depend on the region')
    .optionsGroup('Registries and TLS:');
  const caFile = 'trust these certificate authorities for chart repository and target, PEM';
  return addRenderFlags(addTrustFlags(addLoginFlags(naming, io), caFile));
}

type Flags = FlagsOf<typeof declare> & ReadLogin;

export function valuesCommand(io: CommandIO) {
  return declare(io).action(async (chart, given, command) => {
    const flags = withOutFolder(given, chart);
    checkCharts(chart, flags);
    checkPullSettings(flags);
    await checkUnmappedFlags(flags, io.context.cwd);
    const files = new OverridesFiles(flags, io.context.cwd);
    if (flags.format === 'values') await checkOut(files);
    const settings = await readSettings(io, chart === undefined ? [] : [chart], flags);
    const options = await valuesOptions(io, flags, files, settings);
    const checked = { target: options.target, chart: options.request?.chart, signers: options.signers };
    const write = {
      values: () => writeValues(io, options, flags, files, command),
      chart: () => writeCarryingCharts(io, options, flags, command),
    };
    const next = await withCheckedTarget(io, flags, checked, settings.registry, () =>
      flags.format === 'values' || flags.format === 'chart'
        ? write[flags.format]()
        : writeFormat(io, options, flags, command),
    );
    if (flags.output !== 'json') await printReport(io, { result: [], notes: [] }, next);
  });
}

/** Maps flags and settings to the options of the workflow. @throws AirgapError `usage`, `file` and errors of the bundle */
async function valuesOptions(
  { context }: CommandIO,
  flags: Flags,
  files: OverridesFiles,
  settings: Settings,
): Promise<ValuesOptions> {
  const { charts, config, chartSources, render, tests, hooks, manifests, add: images } = settings;
  const { bundle, to, proof: prove, pullSecret, pin, inject, operatorDefaults } = flags;
  const acceptsWithoutPullSecret = flags.allowWithoutPullSecret ?? false;
  const signing = await requiredSigners(flags);
  const { withWrittenNamesFromFile } = await import('../../workflows/push/written-names.ts');
  // Parts of a chart that are not installed are not rendered.
  const skipped = { noHooks: !hooks, skipTests: !tests };
  const jobs = withoutParts(charts, skipped);
  const request = flags.config === undefined ? charts[0]?.request : undefined;
  return {
    request: request && (await bundledRequest(context, request, bundle, signing)),
    jobs: flags.config === undefined ? undefined : jobs,
    render: { ...render, ...skipped },
    bundle,
    ...signing,
    sources: isOfSources(flags, request) ? { manifests, images } : undefined,
    target: await withWrittenNamesFromFile(
      await (flags.format === 'chart' ? archiveTargetOf : targetOf)(to, flags, config),
      bundle,
      signing,
    ),
    onPurpose: await onPurposeOf(flags, settings),
    rules: await readRules(flags.rules),
    chartSources,
    unmappedHandling: files.unmappedOutput(),
    signatures: isFormatOf(flags.format, 'policy') ? await policySignatures(flags, settings, context.cwd) : undefined,
    ...{ prove, pullSecret, acceptsWithoutPullSecret, pin, inject, operatorDefaults },
  };
}

/** Writes or prints overrides, and returns the next step. */
async function writeValues(
  io: CommandIO,
  options: ValuesOptions,
  flags: Flags,
  files: OverridesFiles,
  command: CommandUnknownOpts,
): Promise<readonly string[]> {
  const { values } = await import('../../workflows/values/values.ts');
  const results = await values(io.context, options);
  for (const result of results) io.info(proofReport(result, flags.config !== undefined), isIncomplete(result));
  const isJson = flags.output === 'json';
  const isPrinted = isJson || (flags.outDir === undefined && flags.out === undefined);
  // Overrides on stdout must stand alone; without them, the files are the result.
  await writeOverrides(results, files, io.context.cwd, isPrinted ? io.info : io.print);
  if (isJson) io.print(await formatResults('Overrides', results.map(overridesDocument)));
  else if (isPrinted) for (const { yaml } of results) io.print(yaml);
  const unmapped = results.find(({ proof }) => proof.residue.length > 0);
  const notInBundle = results.flatMap((result) => result.notInBundle);
  const isGated = results.some(({ proof }) => failsOn(flags, proof.notKnown, proof.references));
  if (isGated || results.some(isIncomplete)) io.setExitCode(3);
  if (unmapped !== undefined) return afterUnmapped(command, flags.residue, unmapped.chart);
  if (results.some(isIncomplete)) return afterMissing(command, notInBundle);
  const [first] = results;
  return first === undefined ? [] : afterValues(command, installation(io, first, { options, flags, files }));
}

/** Returns what an installation with these overrides needs. */
function installation(
  { context: { cwd, env } }: CommandIO,
  { chart, version, profile, postRenderMap, changedChart }: Overrides,
  { options, flags, files }: { options: ValuesOptions; flags: Flags; files: OverridesFiles },
): Parameters<typeof afterValues>[1] {
  const shown = (path: string | undefined): string | undefined => path && displayPath(path, cwd);
  const unmappedFile = (how: 'post-render' | 'repack'): string | undefined =>
    shown(files.unmappedFile(how, chart, version, profile));
  return {
    chart,
    version,
    file: shown(files.overrides(chart, version, profile)),
    map: postRenderMap && unmappedFile('post-render'),
    changedChart: changedChart && unmappedFile('repack'),
    ...installedFrom(options, chart, flags, env),
  };
}

/** Checks that charts are selected in exactly one way, and the combination of flags. @throws AirgapError `usage` */
function checkCharts(chart: string | undefined, flags: Flags): void {
  if (isFormatOf(flags.format, 'policy')) {
    checkPolicySources(chart, flags);
    return;
  }
  refuseSignerFlags(flags);
  const { all = false, config, format, outDir } = flags;
  checkSources(chart, flags);
  const hasSources = isOfSources(flags, chart);
  if ([chart !== undefined, all, config !== undefined, hasSources].filter(Boolean).length !== 1) {
    throw new AirgapError('usage', 'give one chart, --all with --bundle, or --config', {
      hint: 'helm airgap inspect BUNDLE lists the charts of a bundle',
    });
  }
  if (flags.requireSignature.length > 0 && flags.bundle === undefined) {
    throw new AirgapError('usage', '--require-signature needs --bundle', {
      hint: 'add --bundle, the bundle whose signature is checked',
    });
  }
  checkFormat(flags, all);
  if (format === 'chart') checkCarryingFlags(flags);
  if (config !== undefined && !['values', 'chart', 'aggregate'].includes(format)) {
    throw new AirgapError('usage', `--config cannot be used with --format ${format}`, { hint: 'name one chart' });
  }
  const needProof = { '--unmapped': flags.residue, '--pin': flags.pin, '--pull-secret': flags.pullSecret };
  const conflict = Object.entries(needProof).find(([, value]) => value !== undefined)?.[0];
  if (!flags.proof && (conflict !== undefined || format !== 'values')) {
    throw new AirgapError('usage', `--no-proof cannot be used with ${conflict ?? `--format ${format}`}`, {
      hint: 'leave one of them out',
    });
  }
  if (chart === undefined && outDir === undefined && !isOfReferences(flags)) {
    const flag = all ? '--all' : '--config';
    throw new AirgapError('usage', `${flag} writes one file per chart`, { hint: 'name a folder with --out-dir' });
  }
}

/** Reports whether a format is of references, which need no values and so no chart. */
function isOfReferences({ format }: Pick<Flags, 'format'>): boolean {
  return isFormatOf(format, 'references', 'nodes');
}

/** Reports whether the images come from manifests, a list, the bundle or the kustomizations, and not from charts. */
function isOfSources(flags: Flags, chart: unknown): boolean {
  const { kustomize, manifests, images, update, bundle, all = false, config } = flags;
  if (kustomize.length + manifests.length > 0 || images !== undefined) return true;
  if (chart !== undefined || all || config !== undefined) return false;
  return update !== undefined || (bundle !== undefined && isOfReferences(flags));
}

/** Checks the flags of images that do not come from charts. @throws AirgapError `usage` */
function checkSources(chart: string | undefined, flags: Flags): void {
  const { kustomize, manifests, images, update, all = false, config, format, out, outDir } = flags;
  const refuse = (message: string, hint: string): never => {
    throw new AirgapError('usage', message, { hint });
  };
  const given = { '--kustomize': kustomize.length, '--manifests': manifests.length, '--images': images?.length };
  const source = Object.entries(given).find(([, value]) => value)?.[0];
  const other = chart !== undefined ? 'a chart' : all ? '--all' : config !== undefined ? '--config' : undefined;
  if (source !== undefined && other !== undefined)
    refuse(`${source} cannot be used with ${other}`, 'write the overrides of charts in a run of their own');
  if (source !== undefined && !isOfReferences(flags))
    refuse(
      `${source} has no values to override`,
      `add --format ${formatsOf('references', 'nodes').slice(0, 4).join(', ')}`,
    );
  if (update === undefined) return;
  if (format !== 'kustomize') refuse('--update needs --format kustomize', 'add --format kustomize');
  if (other !== undefined)
    refuse(`--update cannot be used with ${other}`, 'give what helm template prints to --manifests -');
  const written = out !== undefined ? '--out' : outDir !== undefined ? '--out-dir' : undefined;
  if (written !== undefined) refuse(`${written} cannot be used with --update`, 'leave one of them out');
}

async function bundledRequest(
  context: CommandIO['context'],
  request: ChartRequest,
  bundle: string | undefined,
  signing: Pick<ValuesOptions, 'signers'>,
): Promise<ChartRequest> {
  if (bundle === undefined) return request;
  const { bundledChartByFile } = await import('../../workflows/values/bundled-charts.ts');
  return bundledChartByFile(context, { bundle, ...signing }, request);
}

function overridesDocument(result: Overrides): object {
  const { chart, version, profile, overrides, proof, copied, notInBundle, moreInBundle, postRenderMap, changedChart } =
    result;
  return {
    ...{ chart, version, profile, overrides, proof },
    copied: copied.length === 0 ? undefined : copied,
    notInBundle: notInBundle.length === 0 ? undefined : notInBundle,
    moreInBundle: moreInBundle && { references: moreInBundle.references, profiles: moreInBundle.profiles },
    residueMap: postRenderMap && (JSON.parse(postRenderMap.text) as object),
    changedChart: changedChart && { file: changedChart.name, changes: changedChart.changes },
  };
}
