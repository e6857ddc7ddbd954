import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import { reasonOf } from '../../base/file-failure.ts';
import { parseChartMirror } from '../../helm/chart-mirrors.ts';
import { tryParseReference } from '../../oci/reference.ts';
import type { ChartJob } from '../../search/search-charts.ts';
import type { Pattern } from '../../search/selection.ts';
import type { ImagesOptions } from '../../workflows/images/images.ts';
import type { Config } from '../config/schema.ts';
import type { CommandIO } from '../run.ts';
import { helmCertificates } from './certificates.ts';
import { collect } from './collect.ts';
import { addConfigFlags, type ConfigFlags, chartJobs, readConfiguration } from './config.ts';
import { chartAllowances, renderLimits } from './limits.ts';
import { chartLogin } from './login.ts';
import { namedAddresses, namedRegistries } from './named-hosts.ts';
import type { RegistryFlags } from './registry.ts';
import { addRenderFlags, chartAccessOf, chartRequest, type RenderFlags, renderOptions } from './render.ts';
import { readRules, rulesOption } from './rules.ts';

/** Flags that select charts and images. */
export interface ChartsFlags extends RenderFlags, ConfigFlags {
  image: string[];
  images?: string;
  exclude: string[];
  include: string[];
  /** Commander's names for `--no-tests` and `--no-hooks`. */
  tests: boolean;
  hooks: boolean;
  /** Commander's name for `--no-operator-defaults`. */
  operatorDefaults: boolean;
  rules: string[];
  chartMirror: string[];
  /** Commander's name for `--no-nested-charts`. */
  nestedCharts: boolean;
}

export function addChartsFlags(command: Command): Command {
  command.optionsGroup('Selection:');
  addConfigFlags(command, 'read charts, profiles, images and registries from this airgap.yaml')
    .addOption(
      new Option('--image <reference>', 'add an image by name (repeatable)').argParser(collect).default([], ''),
    )
    .option('--images <file>', 'add the images listed in a file, one per line; # starts a comment')
    .addOption(
      new Option(
        '--exclude <pattern[=reason]>',
        'leave out matching images and nested charts; * matches anything (repeatable)',
      )
        .argParser(collect)
        .default([], ''),
    )
    .addOption(
      new Option(
        '--include <pattern[=reason]>',
        'keep matching images that are excluded or of confidence "possible" (repeatable)',
      )
        .argParser(collect)
        .default([], ''),
    )
    .option('--no-tests', 'leave out the images of helm test')
    .option('--no-hooks', 'leave out the images of hooks, including helm test')
    .option('--no-operator-defaults', 'leave out default images that operators use for resources created later')
    .option('--no-nested-charts', 'leave out charts that the named charts install')
    .addOption(rulesOption())
    .addOption(chartMirrorOption());
  return addRenderFlags(command);
}

/** Returns the option that replaces chart repositories. */
export function chartMirrorOption(): Option {
  return new Option(
    '--chart-mirror <from=to>',
    'read a chart repository, or *, from another URL or folder (repeatable)',
  )
    .argParser(collect)
    .default([], '');
}

/** Options of a workflow, resolved from flags and configuration file. */
export interface ResolvedOptions extends ImagesOptions {
  readonly registry: RegistryFlags;
  readonly platforms: readonly string[];
  /** Settings of the configuration file for the operator image scan. */
  readonly operatorScanConfig: Pick<Config, 'lookInside' | 'includeInside'>;
}

/** Resolves flags and configuration file to options of a workflow. @throws AirgapError `usage`, `config` */
export async function resolveOptions(
  io: CommandIO,
  charts: readonly string[],
  flags: ChartsFlags,
  registry: RegistryFlags,
): Promise<ResolvedOptions> {
  const { cwd, env } = io.context;
  const connectionFlags = { ...registry, config: flags.config, var: flags.var };
  const { config, folder, caFile, plainHttp, clientCertificates } = await readConfiguration(
    connectionFlags,
    io.context,
  );
  const options = { ...renderOptions(flags), ...renderLimits(flags, config) };
  if (charts.length === 0) refuseUnusedRenderFlags(flags);
  const flagJobs = charts.map(
    (chart): ChartJob => ({
      request: chartRequest(chart, flags, chartAccessOf(flags, caFile, chart, plainHttp)),
      profiles: [{ name: 'default', options }],
    }),
  );
  const configJobs =
    config === undefined ? [] : chartJobs(config, folder, { caFile, plainHttp }, renderLimits(flags, config));
  const listedImages = flags.images === undefined ? [] : await readImageList(resolve(cwd, flags.images));
  const mirrors = Object.entries(config?.mirrors ?? {}).map(([from, to]) => `${from}=${to}`);
  // The command line comes first: the first matching mirror is used.
  const allMirrors = [...(registry.mirror ?? []), ...mirrors];
  const chartMirrors = [
    ...flags.chartMirror.map((text) => parseChartMirror(text, cwd)),
    ...Object.entries(config?.chartMirrors ?? {}).map(([from, to]) => parseChartMirror(`${from}=${to}`, folder)),
  ];
  const images = [...flags.image, ...listedImages, ...(config?.images ?? [])];
  const allowances = chartAllowances(
    flags,
    namedAddresses([...flagJobs, ...configJobs], allMirrors, chartMirrors, plainHttp),
    cwd,
    config,
    folder,
  );
  const named = [
    ...namedRegistries(allowances),
    ...images.flatMap((image) => tryParseReference(image)?.registry ?? []),
  ];
  return {
    charts: [...flagJobs, ...configJobs],
    add: images,
    exclude: [...flags.exclude.map(parsePattern), ...(config?.exclude ?? []).map(patternOf)],
    include: [...flags.include.map(parsePattern), ...(config?.include ?? []).map(patternOf)],
    tests: flags.tests && config?.tests !== false,
    hooks: flags.hooks && config?.hooks !== false,
    operatorDefaults: flags.operatorDefaults,
    platforms: config?.platforms ?? [],
    operatorScanConfig: { lookInside: config?.lookInside, includeInside: config?.includeInside },
    chartSources: {
      mirrors: chartMirrors,
      plainHttp,
      ...(caFile === undefined ? {} : { caFile }),
      certificates: helmCertificates(clientCertificates, env),
      ...allowances,
      findLogin: chartLogin(io, registry, named),
    },
    nestedCharts: flags.nestedCharts,
    rules: await readRules(flags.rules.map((path) => resolve(cwd, path))),
    registry: {
      ...registry,
      mirror: allMirrors,
      plainHttp,
      clientCertificates,
      named,
      ...(caFile === undefined ? {} : { caFile }),
    },
  };
}

/**
 * Refuses render flags if no chart is given on the command line. They do not apply to the charts of a configuration file,
 * and ignored values could leave images out.
 * @throws AirgapError `usage`
 */
export function refuseUnusedRenderFlags(flags: RenderFlags): void {
  const { values, set, setString, setJson, setFile, setLiteral, apiVersions } = flags;
  const { kubeVersion, skipSchemaValidation, repo, version, devel, dependencyUpdate, releaseName } = flags;
  const unused = Object.entries({
    '-f': values.length > 0,
    '--set': set.length > 0,
    '--set-string': setString.length > 0,
    '--set-json': setJson.length > 0,
    '--set-file': setFile.length > 0,
    '--set-literal': setLiteral.length > 0,
    '--api-versions': apiVersions.length > 0,
    '--kube-version': kubeVersion !== undefined,
    '--skip-schema-validation': skipSchemaValidation,
    '--repo': repo !== undefined,
    '--version': version !== undefined,
    '--release-name': releaseName !== undefined,
    '--devel': devel,
    '--dependency-update': dependencyUpdate,
  }).flatMap(([flag, given]) => (given ? [flag] : []));
  if (unused.length === 0) return;
  throw new AirgapError('usage', `${unused.join(', ')}: no chart on the command line to apply to`, {
    hint: 'set these in the profiles of the configuration file',
  });
}

/** Parses `PATTERN[=REASON]`. References contain no equals sign. */
function parsePattern(text: string): Pattern {
  const index = text.indexOf('=');
  return index < 0 ? { pattern: text } : { pattern: text.slice(0, index), reason: text.slice(index + 1) };
}

function patternOf(entry: Config['exclude'][number]): Pattern {
  if (typeof entry === 'string') return { pattern: entry };
  const { pattern, reason } = entry;
  return reason === undefined ? { pattern } : { pattern, reason };
}

async function readImageList(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new AirgapError('usage', `--images ${path} cannot be read: ${reasonOf(cause)}`, {
      hint: 'give a text file with one image per line; use --image for a single image',
      cause,
    });
  });
  return text
    .split(/\r?\n/)
    .map((line) => line.replace(/(?:^|\s)#[\s\S]*/, '').trim())
    .filter((line) => line !== '');
}
