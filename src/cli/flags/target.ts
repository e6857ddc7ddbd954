import { type Command, Option } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import { DEFAULT_NAMING, parseTarget, type Target, type TargetOptions } from '../../oci/naming.ts';
import { NAMINGS, namingRule, parseNamingRule } from '../../oci/naming-template.ts';
import type { Config } from '../config/schema.ts';
import { repeat } from './repeat.ts';

/** What things are called on the isolated side. */
export interface NamingFlags {
  naming?: string;
  namingRule: string[];
  chartPrefix?: string;
  registryType?: 'ecr';
}

export function addNamingFlags(command: Command): Command {
  return command
    .optionsGroup('Naming:')
    .addOption(
      new Option(
        '--naming <rule>',
        `${NAMINGS.join(', ')}, or a template; see docs/naming.md (default: ${DEFAULT_NAMING})`,
      ),
    )
    .addOption(
      new Option('--naming-rule <match=template>', 'where some images go instead; the first that matches (repeatable)')
        .argParser(repeat)
        .default([], ''),
    )
    .option('--chart-prefix <path>', "where charts go, from the registry's root (default: PREFIX/charts)")
    .addOption(
      new Option('--registry-type <type>', 'what the target is, where its host does not say').choices(['ecr']),
    );
}

/**
 * The target that flags and configuration name; flags come before it.
 * @throws AirgapError `usage`
 */
export async function targetOf(to: string, flags: NamingFlags, config?: Pick<Config, 'naming'>): Promise<Target> {
  const { default: naming, rules = [], chartPrefix } = config?.naming ?? {};
  const prefix = flags.chartPrefix ?? chartPrefix;
  const options: TargetOptions = {
    rules: [...flags.namingRule.map(parseNamingRule), ...rules.map((rule) => namingRule(rule, 'naming.rules'))],
    ...(prefix === undefined ? {} : { chartPrefix: prefix }),
  };
  const target = parseTarget(to, flags.naming ?? naming ?? DEFAULT_NAMING, options);
  const { ecrHost } = await import('../../ecr/hosts.ts');
  const isEcr = flags.registryType === 'ecr' || ecrHost(target.registry) !== undefined;
  if (!isEcr) return target;
  const { toEcrName } = await import('../../ecr/names.ts');
  for (const [flag, path] of [
    ['--to', target.prefix],
    ['--chart-prefix', prefix ?? ''],
  ] as const) {
    if (toEcrName(path) === path) continue;
    throw new AirgapError('usage', `${flag}: ECR has no repositories under ${path}`, {
      hint: 'between letters and digits it takes a single . _ or -',
    });
  }
  return { ...target, legal: toEcrName };
}
