import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { AirgapError } from '../../base/errors.ts';
import { reasonOf } from '../../base/file-failure.ts';
import type { CheckResult } from '../../inventory/check-result.ts';
import type { PullSecret } from '../../kubernetes/pull-secret.ts';
import { parsePlatform } from '../../oci/platform.ts';
import type { ChartJob } from '../../search/search-charts.ts';
import type { CheckOptions } from '../../workflows/check/check.ts';
import {
  addConfigFlags,
  addManifestFlags,
  addRenderFlags,
  chartMirrorOption,
  readRules,
  rulesOption,
} from '../flags/charts.ts';
import { declaredHosts } from '../flags/ecr.ts';
import { failOnOption, failsOn } from '../flags/fail-on.ts';
import type { ReadLogin } from '../flags/login.ts';
import { addOnPurposeFlags, onPurposeOf } from '../flags/on-purpose.ts';
import { type FlagsOf, repeatable } from '../flags/option.ts';
import { formatDocument, outputOption, printReport } from '../flags/output.ts';
import { addPodFlags, clusterAccess, podSource } from '../flags/pods.ts';
import { addRegistryFlags, registryAccess } from '../flags/registry.ts';
import { readSettings, type Settings } from '../flags/settings.ts';
import { requiredSigners, requireSignatureOption } from '../flags/signatures.ts';
import { addNamingFlags, targetOf } from '../flags/target.ts';
import { examples } from '../help.ts';
import { checkReport, isFailedCheck } from '../reports/check.ts';
import type { CommandIO } from '../run.ts';
import { afterCheck } from './after-check.ts';
import { checkPodsCommand } from './check-pods.ts';
import { checkTestPodCommand } from './check-test-pod.ts';

/** Declares the command and its flags. */
function declare(io: CommandIO) {
  const command = new Command('check')
    .argument(
      '[chart...]',
      'with --bundle: name of a chart in it, or its file; else chart folder, .tgz file, oci://... reference, or name with --repo',
    )
    .option(
      '--to <registry[/prefix]>',
      'registry and repository prefix to ask; without it, the bundle alone is checked',
    )
    .option('--bundle <file>', 'bundle that contains the charts')
    .option('--all', 'check every chart of the bundle')
    .addOption(repeatable('--overrides <file>', 'overrides that are installed (default: what values would write)'))
    .option('--pull-secret <secret>', 'ask with the credentials of this pull secret: NAMESPACE/NAME, or a file')
    .addOption(
      repeatable(
        '--platform <os/architecture>',
        'platform of the nodes',
        ', comma-separated; default: those of the configuration file or the bundle, or linux/amd64',
      ),
    )
    .option('--test-pod', 'print Jobs that pull one image of each repository with the rights of the nodes; ask nothing')
    .addOption(requireSignatureOption())
    .addOption(outputOption(['text', 'json'], 'text'))
    .addHelpText(
      'after',
      examples(
        'check app --bundle app.tar --to registry.example -f site.yaml',
        'check ./app --to registry.example --overrides app.yaml',
        'check --all --bundle app.tar --platform linux/arm64',
        'check --kustomize overlays/prod --to registry.example',
        'check --live --to registry.example --bundle app.tar',
      ),
    )
    .optionsGroup('Selection:');
  const selecting = addOnPurposeFlags(
    addManifestFlags(addConfigFlags(command, 'check every chart and profile of this airgap.yaml')),
  )
    .option('--no-tests', 'leave out helm test resources')
    .option('--no-hooks', 'leave out hooks including helm test, as helm install --no-hooks does')
    .option('--no-operator-defaults', 'leave out default images that operators use for resources created later')
    .addOption(rulesOption())
    .addOption(chartMirrorOption())
    .optionsGroup('Unmapped references (no value redirects them):')
    .addOption(
      new Option('--unmapped <how>', 'how the installation handles them, as in values').choices([
        'inject',
        'post-render',
        'repack',
      ]),
    )
    .option('--no-inject', 'do not add variables or arguments for images that operators deploy')
    .addOption(failOnOption());
  const naming = addNamingFlags(selecting).optionsGroup('Registries and TLS:');
  const rendering = addRenderFlags(addRegistryFlags(naming, io));
  return addPodFlags(rendering);
}

type Flags = FlagsOf<typeof declare> & ReadLogin;

export function checkCommand(io: CommandIO) {
  return declare(io).action(async (charts, flags, command) => {
    const source = podSource(flags);
    if (source !== undefined) {
      refuseChartFlags(charts, flags);
      return checkPodsCommand(io, source, flags);
    }
    checkFlags(charts, flags);
    await checkCharts(io, charts, flags, command);
  });
}

/** Checks charts before they are installed. */
async function checkCharts(
  io: CommandIO,
  charts: readonly string[],
  flags: Flags,
  command: CommandUnknownOpts,
): Promise<void> {
  const settings = await readSettings(io, charts, flags);
  const { pullSecret, ...options } = await checkOptions(io, flags, settings);
  if (flags.testPod) return checkTestPodCommand(io, { ...options, pullSecret }, pullSecret);
  const { check } = await import('../../workflows/check/check.ts');
  const result = await check(io.context, { ...options, pullSecret });
  if (isFailedCheck(result) || failsOn(flags, result.notKnown, result.images.length)) io.setExitCode(3);
  if (flags.output === 'json') io.print(await formatDocument('Check', result, 'json'));
  else await printReport(io, checkReport(result), nextSteps(command, { ...options, pullSecret }, result));
}

function nextSteps(
  command: CommandUnknownOpts,
  { bundle, pullSecret }: CheckOptions,
  { images, charts, manifests = [], target }: CheckResult,
): readonly string[] {
  const reasons = new Set([...images, ...charts].flatMap(({ status = 'ok' }) => (status === 'ok' ? [] : [status])));
  const names = charts.map(({ name }) => name);
  const lacksChart = charts.some(({ status }) => status === 'not-pushed');
  const isOfManifests = charts.length === 0 && manifests.length > 0;
  const common = { reasons, bundle, target, lacksChart, pullSecret: pullSecret?.name };
  return afterCheck(command, { ...common, charts: names, isOfManifests });
}

/** Maps flags and settings to the options of the workflow. @throws AirgapError `usage`, `file` and errors of the bundle */
async function checkOptions(
  { context }: CommandIO,
  flags: Flags,
  settings: Settings,
): Promise<CheckOptions & { readonly pullSecret: PullSecret | undefined }> {
  const { bundle, to, overrides, unmapped, inject, operatorDefaults, platform } = flags;
  const { config, render, manifests, tests, hooks, chartSources } = settings;
  const { cwd, env } = context;
  const signing = await requiredSigners(flags);
  const { withWrittenNamesFromFile } = await import('../../workflows/push/written-names.ts');
  const target =
    to === undefined ? undefined : await withWrittenNamesFromFile(await targetOf(to, flags, config), bundle, signing);
  // Parts of a chart that are not installed are not rendered.
  const skipped = { noHooks: !hooks, skipTests: !tests };
  const { access: registry, concurrency } = await registryAccess(settings.registry);
  const ecrHosts = target && (await declaredHosts([target.registry], flags, env));
  return {
    jobs: flags.all ? undefined : await jobsOf(context, settings, bundle, signing, skipped),
    render: { ...render, ...skipped },
    manifests,
    onPurpose: await onPurposeOf(flags, settings),
    bundle,
    ...signing,
    target,
    overrides: await Promise.all(overrides.map((file) => readableFile('--overrides', file, cwd))),
    unmapped: unmapped === 'inject' ? undefined : unmapped,
    platforms: (platform.length > 0 ? platform : config.platforms)
      .flatMap((list) => list.split(','))
      .map(parsePlatform),
    registry: { access: { ...registry, ...(ecrHosts && { ecrHosts }) }, concurrency },
    pullSecret: await readSecret(context, flags),
    rules: await readRules(flags.rules),
    chartSources,
    ...{ inject, operatorDefaults },
  };
}

/** Reads the pull secret. @throws AirgapError `usage`, `config`, and errors of the cluster */
async function readSecret(
  context: CommandIO['context'],
  { pullSecret, ...access }: Flags,
): Promise<PullSecret | undefined> {
  if (pullSecret === undefined) return undefined;
  const { readPullSecret } = await import('../../kubernetes/pull-secret.ts');
  return readPullSecret(context, pullSecret, clusterAccess(access));
}

/** Returns the path of a file that can be read. @throws AirgapError `file` */
async function readableFile(flag: string, file: string, cwd: string): Promise<string> {
  const path = resolve(cwd, file);
  await access(path).catch((cause: unknown) => {
    throw new AirgapError('file', `${flag} ${file} cannot be read: ${reasonOf(cause)}`, {
      hint: 'give the file that helm airgap values wrote',
      cause,
    });
  });
  return path;
}

/** Returns the charts with their profiles. With a bundle, files become the names of its charts. */
async function jobsOf(
  context: CommandIO['context'],
  { charts }: Settings,
  bundle: string | undefined,
  signing: Pick<CheckOptions, 'signers'>,
  skipped: ChartJob['profiles'][number]['options'],
): Promise<ChartJob[]> {
  const { bundledChartByFile } = await import('../../workflows/values/bundled-charts.ts');
  const jobs: ChartJob[] = [];
  for (const { request, profiles } of charts) {
    jobs.push({
      request: bundle === undefined ? request : await bundledChartByFile(context, { bundle, ...signing }, request),
      profiles: profiles.map(({ name, options }) => ({ name, options: { ...options, ...skipped } })),
    });
  }
  return jobs;
}

/** Refuses flags of the check before the install. @throws AirgapError `usage` */
function refuseChartFlags(charts: readonly string[], flags: Flags): void {
  const { all, overrides, unmapped, pullSecret, platform, testPod, values, set } = flags;
  const useless = {
    'a chart': charts.length > 0,
    '--all': all,
    '--kustomize': flags.kustomize.length > 0,
    '--manifests': flags.manifests.length > 0,
    '--overrides': overrides.length > 0,
    '--unmapped': unmapped !== undefined,
    '--pull-secret': pullSecret !== undefined,
    '--platform': platform.length > 0,
    '--test-pod': testPod,
    '--values': values.length > 0,
    '--set': set.length > 0,
  };
  const given = Object.entries(useless).find(([, isGiven]) => isGiven)?.[0];
  if (given === undefined) return;
  throw new AirgapError('usage', `${given} has no effect with --live and --pods, which check all Pods`, {
    hint: 'leave it out; with --bundle, the Pods are compared with the images of the bundle',
  });
}

/** Checks that charts are selected in exactly one way, and the combination of flags. @throws AirgapError `usage`, `file` */
function checkFlags(charts: readonly string[], flags: Flags): void {
  const { all = false, config, to, bundle, overrides, unmapped, pullSecret, testPod = false, allowImages } = flags;
  const refuse = (message: string, hint: string): never => {
    throw new AirgapError('usage', message, { hint });
  };
  const hasSources = charts.length + flags.kustomize.length + flags.manifests.length > 0;
  if ([hasSources, all, config !== undefined].filter(Boolean).length !== 1) {
    refuse(
      'give charts, --kustomize, --manifests, --all with --bundle, or --config',
      'helm airgap inspect BUNDLE lists the charts of a bundle',
    );
  }
  if (to === undefined && bundle === undefined) {
    refuse('check needs --to, --bundle, or both', 'name the registry that the nodes pull from with --to');
  }
  if (flags.requireSignature.length > 0 && bundle === undefined)
    refuse('--require-signature needs --bundle', 'add --bundle, the bundle whose signature is checked');
  const needTarget = {
    '--allow-images': allowImages !== undefined,
    '--overrides': overrides.length > 0,
    '--unmapped': unmapped !== undefined,
    '--pull-secret': pullSecret !== undefined,
    '--test-pod': testPod,
  };
  const useless = Object.entries(needTarget).find(([, given]) => given)?.[0];
  if (to === undefined && useless !== undefined)
    refuse(`${useless} needs --to`, `add --to, or leave ${useless} out: without a target, no name is changed`);
  if (overrides.length > 0 && charts.length !== 1)
    refuse('--overrides is for one chart', 'check the other charts in runs of their own');
  if (overrides.length > 0 && unmapped === 'repack')
    refuse('--overrides cannot be used with --unmapped=repack', 'give the changed chart itself instead of the chart');
  if (testPod && flags.output === 'json')
    refuse('--test-pod prints YAML, not JSON', 'leave -o json out, or check without --test-pod');
  if (unmapped === 'inject' && !flags.inject)
    refuse('--unmapped=inject cannot be used with --no-inject', 'leave one of them out');
}
