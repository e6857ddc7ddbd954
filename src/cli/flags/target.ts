import { Option } from '@commander-js/extra-typings';
import { AirgapError, messageOf } from '../../base/errors.ts';
import {
  chartsPath,
  DEFAULT_NAMING,
  formatTarget,
  parseTarget,
  type Target,
  type TargetOptions,
  type TargetOrigins,
} from '../../naming/naming.ts';
import { checkNamingRule, invalidSetting, NAMINGS, parseNamingRule } from '../../naming/naming-template.ts';
import type { TargetCheckOptions } from '../../workflows/push/check-target.ts';
import type { Config } from '../config/schema.ts';
import type { CommandIO } from '../run.ts';
import { type FlagsOf, flagGroup, repeatable } from './option.ts';
import { type RegistrySettings, registryAccess } from './registry.ts';

/** Adds flags for the names of images and charts in the private registry. */
export const addNamingFlags = flagGroup((command) =>
  command
    .optionsGroup('Naming:')
    .option(
      '--naming <rule>',
      `how repositories are named: ${NAMINGS.join(', ')} or a template, see docs/naming.md (default: ${DEFAULT_NAMING})`,
    )
    .addOption(
      repeatable(
        '--naming-rule <match=template>',
        'name matching images by a template instead; the first match applies',
      ),
    )
    .option('--chart-prefix <path>', 'path of charts in the registry (default: PREFIX/charts)')
    .addOption(registryTypeOption()),
);

/** Returns the option that declares a registry as ECR. */
export function registryTypeOption() {
  return new Option('--registry-type <type>', 'type of the target if its host name does not show it').choices(['ecr']);
}

export type NamingFlags = FlagsOf<typeof addNamingFlags>;

/**
 * Returns the target of flags and configuration file. Flags take precedence.
 * @param to value of `--to`, or of `toOrigin`
 * @throws AirgapError `usage`, `config`
 */
export async function targetOf(
  to: string,
  flags: NamingFlags,
  config?: Pick<Config, 'naming'>,
  toOrigin = '--to',
): Promise<Target> {
  const { default: naming, rules = [], chartPrefix } = config?.naming ?? {};
  const prefix = flags.chartPrefix ?? chartPrefix;
  const origins: TargetOrigins = {
    to: toOrigin,
    naming: flags.naming === undefined ? 'naming.default' : '--naming',
    chartPrefix: flags.chartPrefix === undefined ? 'naming.chartPrefix' : '--chart-prefix',
  };
  const options: TargetOptions = {
    rules: [...flags.namingRule.map(parseNamingRule), ...rules.map((rule) => checkNamingRule(rule, 'naming.rules'))],
    chartPrefix: prefix,
  };
  const target = parseTarget(to, flags.naming ?? naming ?? DEFAULT_NAMING, options, origins);
  const { ecrKind } = await import('../../ecr/hosts.ts');
  const isEcr = flags.registryType === 'ecr' || ecrKind(target.registry) !== undefined;
  if (!isEcr) return target;
  const { toEcrName } = await import('../../ecr/names.ts');
  for (const [origin, path] of [
    [origins.to, target.prefix],
    [origins.chartPrefix, prefix ?? ''],
  ] as const) {
    if (toEcrName(path) === path) continue;
    throw invalidSetting(
      origin,
      `: ECR does not allow repositories under ${path}`,
      'ECR allows a single ".", "_" or "-" between letters and digits',
    );
  }
  return { ...target, toLegalPath: toEcrName };
}

/**
 * Returns the targets of the command line, else those of the configuration file, each once.
 * @param toTarget {@link targetOf} or {@link archiveTargetOf}
 * @throws AirgapError `usage`, `config`
 */
export async function targetsOf<F extends NamingFlags & { readonly to: readonly string[] }>(
  flags: F,
  config: Pick<Config, 'naming' | 'to'>,
  toTarget: typeof targetOf = targetOf,
): Promise<Target[]> {
  const isGiven = flags.to.length > 0;
  const all: Target[] = [];
  for (const to of isGiven ? flags.to : config.to) all.push(await toTarget(to, flags, config, isGiven ? '--to' : 'to'));
  return [...new Map(all.map((target) => [formatTarget(target), target])).values()];
}

/** @throws AirgapError `usage` */
export function checkHasTarget(targets: readonly Target[]): void {
  if (targets.length > 0) return;
  throw new AirgapError('usage', "required option '--to <registry[/prefix]>' not specified", {
    hint: 'name the target with --to, or with "to" in airgap.yaml',
  });
}

/**
 * Returns the target of a run with chart archives. `--chart-prefix` is then the path of the archives; charts of bundles go
 * where they go without it.
 * @throws AirgapError `usage`
 */
export async function archiveTargetOf(
  to: string,
  flags: NamingFlags,
  config?: Pick<Config, 'naming'>,
  toOrigin?: string,
): Promise<Target> {
  const { chartPrefix: _, ...others } = flags;
  const target = await targetOf(to, others, config, toOrigin);
  return { ...target, archivePrefix: chartsPath(await targetOf(to, flags, config, toOrigin)) };
}

/** Adds the flag of the check whether the target has the bundle's images. */
export const addCheckTargetFlag = flagGroup((command) =>
  command.option('--no-check-target', 'with --bundle: do not check that the target registry has the images'),
);

/** Milliseconds. Short, because `values` must also work without access to a registry. */
const TIMEOUT = 2000;

/**
 * Runs `work`, and concurrently checks that the target has a few of the bundle's images, to detect a mistyped `--to`. Emits
 * the result after the work; it does not affect the exit code.
 */
export async function withCheckedTarget<T>(
  io: CommandIO,
  { bundle, checkTarget }: { readonly bundle?: string; readonly checkTarget: boolean },
  checked: Pick<TargetCheckOptions, 'target' | 'chart' | 'signers'>,
  registry: RegistrySettings,
  work: () => Promise<T>,
): Promise<T> {
  if (bundle === undefined || !checkTarget) return work();
  const { context } = io;
  const { target } = checked;
  const stop = new AbortController();
  const signal = context.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, context.signal]);
  const check = async (): Promise<void> => {
    const { checkPushedImages, targetCheckMessage } = await import('../../workflows/push/check-target.ts');
    // The target has no mirrors. A failed check must not fail the work.
    const result = await registryAccess({ ...registry, mirrors: [], named: [target.registry] })
      .then(({ access }) => checkPushedImages({ ...context, signal }, { ...checked, bundle, access, timeout: TIMEOUT }))
      .catch((error: unknown) => ({ status: 'unknown', reason: messageOf(error) }) as const);
    const event = targetCheckMessage(result, target);
    if (event !== undefined) notices.push(() => context.emit(event));
  };
  const notices: (() => void)[] = [];
  const checking = check();
  try {
    const result = await work();
    await checking;
    for (const notify of notices) notify();
    return result;
  } finally {
    stop.abort();
  }
}
