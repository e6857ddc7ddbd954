import { Option } from 'commander';
import type { Rule } from '../../discovery/rules/index.ts';
import { repeat } from './repeat.ts';

export function rulesOption(): Option {
  return new Option('--rules <file>', 'operator rules besides the built-in ones, docs/rules.md (repeatable)')
    .argParser(repeat)
    .default([], '');
}

/** The rule schema is loaded only by whoever has rules of their own. @throws AirgapError `config` */
export async function readRules(paths: readonly string[]): Promise<Rule[]> {
  if (paths.length === 0) return [];
  const { readRuleFiles } = await import('../config/rules.ts');
  return readRuleFiles(paths);
}
