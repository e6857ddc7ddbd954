import type { Environment } from '../../helm/environment.ts';
import { readDocument } from './document.ts';
import { interpolate } from './interpolate.ts';
import { type Config, configSchema } from './schema.ts';

/**
 * Reads a configuration file.
 * @param variables from `--var NAME=VALUE`; they win over the environment
 * @throws AirgapError `config` that names file, line and column of everything that is wrong
 */
export function readConfig(path: string, env: Environment, variables: ReadonlyMap<string, string>): Promise<Config> {
  return readDocument(path, {
    schema: configSchema,
    flag: '--config',
    hint: 'docs/config.md lists every key',
    prepare: (document, report) => interpolate(document, (name) => variables.get(name) ?? env[name], report),
  });
}
