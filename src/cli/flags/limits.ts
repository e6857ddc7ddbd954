import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import { hostPortsOf, parseAllowedHost } from '../../helm/addresses.ts';
import type { ChartSources } from '../../helm/chart-mirrors.ts';
import type { RenderLimits } from '../../helm/render.ts';
import type { Config } from '../config/schema.ts';
import { collect } from './collect.ts';
import { parseSize } from './split-size.ts';

/** Flags that change the limits for untrusted charts. */
export interface LimitFlags {
  allowChartLinks: string[];
  allowChartHost: string[];
  renderTimeout?: number;
  renderMemory?: number;
}

export function addLimitFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--allow-chart-links <root>',
        'allow symbolic links in chart folders to point below this folder (repeatable)',
      )
        .argParser(collect)
        .default([], ''),
    )
    .addOption(
      new Option(
        '--allow-chart-host <host[:port]>',
        'allow charts to refer to a host that is private, has no TLS or depends on your values (repeatable)',
      )
        .argParser(collect)
        .default([], ''),
    )
    .option('--render-timeout <duration>', 'time limit of one render, such as 90s or 5m (default: 2m)', parseDuration)
    .option('--render-memory <size>', 'memory limit of one render, such as 4GiB (default: 2GiB)', parseMemory);
}

/** Returns milliseconds. @throws InvalidArgumentError */
function parseDuration(text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,6})(s|m|h)$/.exec(text) ?? [];
  const factor = { s: 1000, m: 60_000, h: 3_600_000 }[unit];
  const time = Number(digits) * (factor ?? 0);
  // Maximum delay of Node's timers.
  if (time < 1 || time > 2 ** 31 - 1) throw new InvalidArgumentError('It must be a time such as 90s, 5m or 1h.');
  return time;
}

function parseMemory(text: string): number {
  const bytes = parseSize(text);
  if (bytes < 64 * 1024 ** 2) throw new InvalidArgumentError('Helm needs 64MiB at least.');
  return bytes;
}

type ConfigLimits = Pick<Config, 'allowChartLinks' | 'allowChartHosts' | 'renderTimeout' | 'renderMemory'>;

/**
 * Returns the limits of one render. Flags take precedence over the configuration file.
 * @throws AirgapError `config`
 */
export function renderLimits(flags: LimitFlags, config?: ConfigLimits): { readonly limits?: RenderLimits } {
  const time = flags.renderTimeout ?? fromConfig('renderTimeout', config?.renderTimeout, parseDuration);
  const memory = flags.renderMemory ?? fromConfig('renderMemory', config?.renderMemory, parseMemory);
  if (time === undefined && memory === undefined) return {};
  return { limits: { ...(time === undefined ? {} : { time }), ...(memory === undefined ? {} : { memory }) } };
}

function fromConfig(key: string, text: string | undefined, parse: (text: string) => number): number | undefined {
  try {
    return text === undefined ? undefined : parse(text);
  } catch (error) {
    throw new AirgapError('config', `${key}: "${text}" is invalid. ${(error as Error).message}`, {
      hint: 'see docs/limits.md',
    });
  }
}

/**
 * Returns the folders to which links of chart folders may point, and all hosts that the user has named.
 * @param named addresses and hosts in other flags and in the configuration file
 * @param folder of the configuration file (absolute)
 * @throws AirgapError `usage`
 */
export function chartAllowances(
  flags: LimitFlags,
  named: readonly string[],
  cwd: string,
  config?: ConfigLimits,
  folder = cwd,
): Pick<ChartSources, 'linkRoots' | 'allowedHosts'> {
  const allowed = [...flags.allowChartHost, ...(config?.allowChartHosts ?? [])].map(parseAllowedHost);
  return {
    linkRoots: [
      ...flags.allowChartLinks.map((root) => resolve(cwd, root)),
      ...(config?.allowChartLinks ?? []).map((root) => resolve(folder, root)),
    ],
    allowedHosts: hostPortsOf([...allowed, ...named]),
  };
}
