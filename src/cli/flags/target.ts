import { type Command, Option } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import { DEFAULT_NAMING, parseTarget, type Target, type TargetOptions } from '../../naming/naming.ts';
import { checkNamingRule, NAMINGS, parseNamingRule } from '../../naming/naming-template.ts';
import type { Config } from '../config/schema.ts';
import { collect } from './collect.ts';

/** Flags for the names of images and charts in the private registry. */
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
        `how repositories are named: ${NAMINGS.join(', ')} or a template, see docs/naming.md (default: ${DEFAULT_NAMING})`,
      ),
    )
    .addOption(
      new Option(
        '--naming-rule <match=template>',
        'name matching images by a template instead; the first match applies (repeatable)',
      )
        .argParser(collect)
        .default([], ''),
    )
    .option('--chart-prefix <path>', 'path of charts in the registry (default: PREFIX/charts)')
    .addOption(
      new Option('--registry-type <type>', 'type of the target if its host name does not show it').choices(['ecr']),
    );
}

/**
 * Returns the target of flags and configuration file. Flags take precedence.
 * @throws AirgapError `usage`
 */
export async function targetOf(to: string, flags: NamingFlags, config?: Pick<Config, 'naming'>): Promise<Target> {
  const { default: naming, rules = [], chartPrefix } = config?.naming ?? {};
  const prefix = flags.chartPrefix ?? chartPrefix;
  const options: TargetOptions = {
    rules: [...flags.namingRule.map(parseNamingRule), ...rules.map((rule) => checkNamingRule(rule, 'naming.rules'))],
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
    throw new AirgapError('usage', `${flag}: ECR does not allow repositories under ${path}`, {
      hint: 'ECR allows a single ".", "_" or "-" between letters and digits',
    });
  }
  return { ...target, toLegalPath: toEcrName };
}
