import { readFile } from 'node:fs/promises';
import { AirgapError, messageOf } from '../../base/errors.ts';
import { yamlValue } from '../../base/yaml-reading.ts';
import { parseRules, type Rule } from '../../discovery/rules/index.ts';

/**
 * Reads files of operator rules, YAML or JSON (docs/rules.md).
 * @throws AirgapError `config` with every field that is wrong
 */
export async function readRuleFiles(paths: readonly string[]): Promise<Rule[]> {
  const rules: Rule[] = [];
  for (const path of paths) {
    let value: unknown;
    try {
      value = yamlValue(await readFile(path, 'utf8'));
    } catch (cause) {
      throw new AirgapError('config', `${path}: ${messageOf(cause)}`, {
        hint: 'docs/rules.md describes the format',
        cause,
      });
    }
    rules.push(...parseRules(value, path));
  }
  return rules;
}
