import { Option } from 'commander';
import type { Rule } from '../../discovery/rules/index.ts';
import { collect } from './collect.ts';

export function rulesOption(): Option {
  return new Option('--rules <file>', 'additional operator rules, see docs/rules.md (repeatable)')
    .argParser(collect)
    .default([], '');
}

/** Reads rule files. The rule schema is loaded only if there are any. @throws AirgapError `config` */
export async function readRules(paths: readonly string[]): Promise<Rule[]> {
  if (paths.length === 0) return [];
  const { readRuleFiles } = await import('../config/rules.ts');
  return readRuleFiles(paths);
}
