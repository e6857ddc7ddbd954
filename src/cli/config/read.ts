import type { Environment } from '../../base/environment.ts';
import { readDocument } from './document.ts';
import { interpolate } from './interpolate.ts';
import { type Config, configSchema } from './schema.ts';

/**
 * Reads a configuration file.
 * @param variables from `--var NAME=VALUE`; they take precedence over the environment
 * @throws AirgapError `config` with file, line and column of each problem
 */
export function readConfig(path: string, env: Environment, variables: ReadonlyMap<string, string>): Promise<Config> {
  return readDocument(path, {
    schema: configSchema,
    flag: '--config',
    hint: 'docs/config.md lists every key',
    prepare: (document, report) => interpolate(document, (name) => variables.get(name) ?? env[name], report),
  });
}
