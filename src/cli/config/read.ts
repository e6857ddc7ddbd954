import { type Document, isPair, isScalar, visit } from 'yaml';
import type { Environment } from '../../base/environment.ts';
import { type AccessDocument, accessSchema } from '../../inventory/access.ts';
import { type LockFile, lockFileSchema } from '../../inventory/lock-file.ts';
import { type PrincipalMap, principalMapSchema } from '../../inventory/principal-map.ts';
import { type PruneList, pruneListSchema } from '../../inventory/prune-list.ts';
import { type DocumentFormat, parseDocument, readDocument } from './document.ts';
import { type Config, configSchema } from './schema.ts';

/**
 * Reads a configuration file.
 * @param variables from `--var NAME=VALUE`; they take precedence over the environment
 * @throws AirgapError `config` with file, line and column of each problem
 */
export function readConfig(path: string, env: Environment, variables: ReadonlyMap<string, string>): Promise<Config> {
  return readDocument(
    path,
    configFormat((name) => variables.get(name) ?? env[name]),
  );
}

/**
 * Reads the text of a configuration file in which no variable has a value.
 * @throws AirgapError `config` with line and column of each problem
 */
export function parseConfig(text: string): Config {
  return parseDocument(
    text,
    'airgap.yaml',
    configFormat(() => undefined),
  );
}

function configFormat(lookup: (name: string) => string | undefined): DocumentFormat<typeof configSchema> {
  return {
    schema: configSchema,
    flag: '--config',
    hint: 'docs/config.md lists every key',
    prepare: (document, report) => interpolate(document, lookup, report),
  };
}

/**
 * Reads a lock file.
 * @param flag that names the file, for the hint
 * @throws AirgapError `config` with file, line and column of each problem
 */
export function readLockFile(path: string, flag: string): Promise<LockFile> {
  const hint = 'docs/lock-file.md describes the format; helm airgap images ... --lock writes a new file';
  return readDocument(path, { schema: lockFileSchema, flag, hint });
}

/**
 * Reads the principals for the teams, accounts and organizations of an access document.
 * @param partition of the registry, such as `aws`
 * @throws AirgapError `config` with file, line and column of each problem
 */
export function readPrincipalMap(path: string, document: AccessDocument, partition: string): Promise<PrincipalMap> {
  const hint = 'docs/access.md describes the file';
  return readDocument(path, { schema: principalMapSchema(document, partition), flag: '--principals', hint });
}

/** Reads a list of `prune --out`. @throws AirgapError `config` with file, line and column of each problem */
export function readPruneList(path: string): Promise<PruneList> {
  const hint = 'use a list written by helm airgap prune --out; entries may be deleted from it';
  return readDocument(path, { schema: pruneListSchema, flag: '--delete', hint });
}

const LOGIN_KEYS: ReadonlySet<unknown> = new Set(['username', 'password', 'token']);

/** Reports whether ancestors of a pair are those of a field of `logins`: document, mapping, pair, list, mapping. */
function isInLogins(path: readonly unknown[]): boolean {
  const [, , pair] = path;
  return path.length === 5 && isPair(pair) && isScalar(pair.key) && pair.key.value === 'logins';
}

/**
 * Reads a file of `access export`.
 * @param flag word that names the file, for the hint
 * @throws AirgapError `config` with file, line and column of each problem
 */
export function readAccess(path: string, flag: string): Promise<AccessDocument> {
  const hint = 'use a file written by helm airgap access export; docs/access.md describes it';
  return readDocument(path, { schema: accessSchema, flag, hint });
}

/**
 * Replaces `${NAME}` in every string of the document; `$${NAME}` stays as `${NAME}`.
 * Reports an unset name with the offset of its string: an empty replacement would silently produce a wrong registry or
 * version. Users and secrets of `logins` stay as they are written: a variable is read when its registry asks for a login.
 */
function interpolate(
  document: Document,
  lookup: (name: string) => string | undefined,
  report: (offset: number, message: string) => void,
): void {
  visit(document, {
    Pair(_, { key }, path) {
      const isOfLogin = isScalar(key) && LOGIN_KEYS.has(key.value) && isInLogins(path);
      return isOfLogin ? visit.SKIP : undefined;
    },
    Scalar(key, node) {
      if (key === 'key' || !isScalar(node) || typeof node.value !== 'string') return;
      node.value = node.value.replace(
        /(\$?)\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g,
        (whole, escaped: string, name: string) => {
          if (escaped !== '') return whole.slice(1);
          const value = lookup(name);
          if (value !== undefined) return value;
          report(node.range?.[0] ?? 0, `\${${name}} is not set; set it in the environment or with --var ${name}=...`);
          return '';
        },
      );
    },
  });
}
