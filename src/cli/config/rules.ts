import { readFile } from 'node:fs/promises';
import { AirgapError, messageOf } from '../../base/errors.ts';
import { reasonOf } from '../../base/file-failure.ts';
import { readYaml } from '../../base/yaml-read.ts';
import { parseRules, type Rule } from '../../discovery/rules/index.ts';

/**
 * Reads files of operator rules, YAML or JSON (docs/rules.md).
 * @throws AirgapError `config` with each invalid field
 */
export async function readRuleFiles(paths: readonly string[]): Promise<Rule[]> {
  const rules: Rule[] = [];
  for (const path of paths) {
    const text = await readFile(path, 'utf8').catch((cause: unknown) => {
      throw new AirgapError('config', `--rules ${path} cannot be read: ${reasonOf(cause)}`, {
        hint: 'check the path and its permissions',
        cause,
      });
    });
    let value: unknown;
    try {
      value = readYaml(text, { uniqueKeys: true, logLevel: 'error' });
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
