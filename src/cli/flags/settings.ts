import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { reasonOf } from '../../base/file-failure.ts';
import { hostPortsOf, parseAllowedHost } from '../../helm/addresses.ts';
import { type ChartSources, parseChartMirror } from '../../helm/chart-mirrors.ts';
import type { RenderLimits, RenderOptions } from '../../helm/render.ts';
import type { LocatedReference } from '../../inventory/finding.ts';
import { type ManifestSource, manifestSource, STANDARD_INPUT } from '../../manifests/source.ts';
import { tryParseReference } from '../../oci/reference.ts';
import type { ChartJob } from '../../search/search-charts.ts';
import type { Pattern } from '../../search/selection.ts';
import type { Config } from '../config/schema.ts';
import type { CommandIO } from '../run.ts';
import { chartJobs, chartRequest, refuseUnusedRenderFlags, renderOptions, withoutParts } from './chart-jobs.ts';
import type { AllowMissingFlag, ChartsFlags, ConfigFlags, RenderFlags } from './charts.ts';
import { CONNECTION_ONLY, type Configuration, type ConfigurationUse, readConfiguration } from './configuration.ts';
import { type ImageStreamFlags, readImageStreams } from './image-streams.ts';
import { chartLogin } from './login.ts';
import { listEntries, parseDuration, parseMemory } from './option.ts';
import { helmCertificates, type RegistryFlags } from './registry.ts';

/** Flags of the commands that render charts. */
type SettingsFlags = RenderFlags &
  ConfigFlags &
  Pick<ChartsFlags, 'tests' | 'hooks' | 'operatorDefaults' | 'chartMirror'> &
  Partial<ChartsFlags & AllowMissingFlag & ImageStreamFlags> &
  Partial<RegistryFlags> & { readonly all?: true };

/** Settings of a command that renders charts: the configuration file with the flags laid over it. */
export interface Settings extends Configuration {
  /** Charts of the command line, then those of the file. */
  readonly charts: readonly ChartJob[];
  /** Kustomizations and manifests of the command line, then those of the file. */
  readonly manifests: readonly ManifestSource[];
  /** Render options of the command line, with the limits of both. */
  readonly render: RenderOptions;
  /** Images to add. */
  readonly add: readonly string[];
  /** References of running Pods. */
  readonly running: readonly LocatedReference[];
  /** References of exported image streams. */
  readonly imageStreams: readonly LocatedReference[];
  /** Public host by which they are read; absent without any. */
  readonly imageStreamRoute?: string;
  readonly exclude: readonly Pattern[];
  readonly include: readonly Pattern[];
  /** Images whose absence is accepted. */
  readonly allowMissing: readonly Pattern[];
  readonly tests: boolean;
  readonly hooks: boolean;
  readonly operatorDefaults: boolean;
  readonly nestedCharts: boolean;
  readonly chartSources: ChartSources;
}

/**
 * Merges flags and configuration file. Flags take precedence; lists begin with theirs.
 * @param charts on the command line
 * @throws AirgapError `usage`, `config`
 */
export async function readSettings(
  io: CommandIO,
  charts: readonly string[],
  flags: SettingsFlags,
  use: ConfigurationUse = {},
): Promise<Settings> {
  const { cwd, env } = io.context;
  const { config, folder, registry } = await readConfiguration(io.context, flags, use);
  const { caFile, plainHttp, clientCertificates } = registry;
  const limits = renderLimits(flags, config);
  const render = { ...renderOptions(flags), limits };
  if (charts.length === 0 && !flags.all) refuseUnusedRenderFlags(flags);
  const jobs: ChartJob[] = [
    ...charts.map((chart) => ({
      request: chartRequest(chart, flags, registry),
      profiles: [{ name: 'default', options: render }],
    })),
    ...chartJobs(config, folder, registry, limits),
  ];
  const listedImages = flags.images === undefined ? [] : await readImageList(resolve(cwd, flags.images));
  const mirrors = [
    ...flags.chartMirror.map((text) => parseChartMirror(text, cwd)),
    ...pairs(config.chartMirrors).map((text) => parseChartMirror(text, folder)),
  ];
  const add = [...(flags.image ?? []), ...listedImages, ...config.images];
  const allowedHosts = hostPortsOf([
    ...[...flags.allowChartHost, ...config.allowChartHosts].map(parseAllowedHost),
    ...[flags.repo ?? '', ...jobs.flatMap(({ request: { chart, repo } }) => [repo ?? '', chart])].filter(isAddress),
    ...registry.mirrors.flatMap((mirror) => mirror.split('=')),
    ...mirrors.flatMap(({ from, to }) => [from, ...('url' in to ? [to.url] : [])]),
    ...plainHttp,
  ]);
  const { givenRoutes, clusterLogins, ...streams } = await readImageStreams(io, flags, config, folder);
  const named = [
    ...givenRoutes,
    ...new Set([...allowedHosts].map((host) => host.replace(/:(?:443|80)$/, ''))),
    ...add.flatMap((image) => tryParseReference(image)?.registry ?? []),
  ];
  return {
    config,
    folder,
    charts: jobs,
    manifests: await manifestSources(io, flags, config, folder),
    render,
    add,
    running: await readRunning(io, flags, config),
    ...streams,
    ...selectedPatterns(flags, config),
    tests: flags.tests && config.tests !== false,
    hooks: flags.hooks && config.hooks !== false,
    operatorDefaults: flags.operatorDefaults,
    nestedCharts: flags.nestedCharts ?? true,
    chartSources: {
      mirrors,
      plainHttp,
      caFile,
      certificates: helmCertificates(clientCertificates, env),
      linkRoots: [
        ...flags.allowChartLinks.map((root) => resolve(cwd, root)),
        ...config.allowChartLinks.map((root) => resolve(folder, root)),
      ],
      allowedHosts,
      findLogin: chartLogin(env, registry, named),
    },
    registry: { ...registry, named, clusterLogins },
  };
}

/**
 * Reads the charts with their profiles from the configuration file, for a command that has the charts themselves. Without a file
 * there are none.
 * @throws AirgapError `usage`, `config`
 */
export async function readProfiles(
  context: CommandIO['context'],
  flags: ConfigFlags,
): Promise<{ readonly config: Configuration['config']; readonly jobs?: readonly ChartJob[] }> {
  const { config, folder, registry } = await readConfiguration(context, flags, CONNECTION_ONLY);
  if (flags.config === undefined) return { config };
  const jobs = chartJobs(config, folder, registry, renderLimits({}, config));
  return {
    config,
    jobs: withoutParts(jobs, { noHooks: config.hooks === false, skipTests: config.tests === false }),
  };
}

/**
 * Returns the kustomizations and manifests of both, each once. Standard input is read here.
 * @throws AirgapError `usage` if standard input is a terminal, or also has a password
 */
async function manifestSources(
  io: CommandIO,
  flags: Pick<SettingsFlags, 'kustomize' | 'manifests' | 'registryLogin'>,
  config: Pick<Config, 'kustomize' | 'manifests'>,
  folder: string,
): Promise<ManifestSource[]> {
  const { cwd } = io.context;
  const sources = [
    ...(flags.kustomize ?? []).map((path) => manifestSource('kustomize', path, cwd)),
    ...(flags.manifests ?? []).map((path) => manifestSource('manifests', path, cwd)),
    ...config.kustomize.map((path) => manifestSource('kustomize', path, folder)),
    ...config.manifests.map((path) => manifestSource('manifests', path, folder)),
  ];
  const distinct = [...new Map(sources.map((source) => [`${source.kind} ${source.path}`, source])).values()];
  if (!distinct.some(({ path }) => path === STANDARD_INPUT)) return distinct;
  if (flags.registryLogin !== undefined) {
    throw new AirgapError('usage', '--manifests - cannot be used with --registry-password-stdin', {
      hint: 'write the manifests to a file, or log in with helm airgap login',
    });
  }
  const input = await io.readInput();
  return distinct.map((source) => (source.path === STANDARD_INPUT ? { ...source, input } : source));
}

/**
 * Returns what the Pods of a file run. Their reader is loaded only for them.
 * @throws AirgapError `usage` if they are on standard input with something else; errors of the reader
 */
async function readRunning(
  io: CommandIO,
  flags: Pick<SettingsFlags, 'pods' | 'manifests' | 'registryLogin'>,
  config: Pick<Config, 'manifests'>,
): Promise<readonly LocatedReference[]> {
  const { pods, registryLogin } = flags;
  const manifests = [...(flags.manifests ?? []), ...config.manifests];
  if (pods === undefined) return [];
  if (pods === STANDARD_INPUT && (registryLogin !== undefined || manifests.includes(STANDARD_INPUT))) {
    const other = registryLogin === undefined ? '--manifests -' : '--registry-password-stdin';
    throw new AirgapError('usage', `--pods - cannot be used with ${other}`, {
      hint: 'write the Pods to a file: kubectl get pods -A -o json > pods.json',
    });
  }
  const { runningReferences } = await import('../../workflows/images/running.ts');
  return runningReferences({ ...io.context, readInput: io.readInput }, pods);
}

function pairs(map: Readonly<Record<string, string>>): string[] {
  return Object.entries(map).map(([from, to]) => `${from}=${to}`);
}

function isAddress(text: string): boolean {
  return text.includes('://');
}

/** Returns the limits of one render; undefined for the defaults. @throws AirgapError `config` */
function renderLimits(
  { renderTimeout, renderMemory }: Pick<RenderFlags, 'renderTimeout' | 'renderMemory'>,
  config: Pick<Config, 'renderTimeout' | 'renderMemory'>,
): RenderLimits | undefined {
  const fromConfig = (key: keyof typeof config, parse: (text: string) => number): number | undefined => {
    const text = config[key];
    try {
      return text === undefined ? undefined : parse(text);
    } catch (error) {
      throw new AirgapError('config', `${key}: "${text}" is invalid. ${(error as Error).message}`, {
        hint: 'see docs/limits.md',
      });
    }
  };
  const time = renderTimeout ?? fromConfig('renderTimeout', parseDuration);
  const memory = renderMemory ?? fromConfig('renderMemory', parseMemory);
  return time === undefined && memory === undefined ? undefined : { time, memory };
}

/** Returns what is excluded and included; flags come first. */
export function selectedPatterns(
  flags: Pick<SettingsFlags, 'exclude' | 'include' | 'allowMissing'>,
  config: Pick<Config, 'exclude' | 'include' | 'allowMissing'>,
): Pick<Settings, 'exclude' | 'include' | 'allowMissing'> {
  return {
    exclude: [...(flags.exclude ?? []).map(parsePattern), ...config.exclude.map(patternOf)],
    include: [...(flags.include ?? []).map(parsePattern), ...config.include.map(patternOf)],
    allowMissing: [...(flags.allowMissing ?? []).map(parsePattern), ...config.allowMissing.map(patternOf)],
  };
}

/** Parses `PATTERN[=REASON]`. References contain no equals sign. */
function parsePattern(text: string): Pattern {
  const index = text.indexOf('=');
  return index < 0 ? { pattern: text } : { pattern: text.slice(0, index), reason: text.slice(index + 1) };
}

function patternOf(entry: Config['exclude'][number]): Pattern {
  return typeof entry === 'string' ? { pattern: entry } : entry;
}

async function readImageList(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new AirgapError('usage', `--images ${path} cannot be read: ${reasonOf(cause)}`, {
      hint: 'give a text file with one image per line; use --image for a single image',
      cause,
    });
  });
  return listEntries(text);
}
