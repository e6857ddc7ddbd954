import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import * as z from 'zod';
import type { Credential, Keychain } from '../auth/keychain.ts';
import { BASE64 } from '../base/base64.ts';
import { AirgapError } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { reasonOf } from '../base/file-failure.ts';
import { isMapping, type Mapping } from '../base/mapping.ts';
import { checkName, isName } from '../base/names.ts';
import { quoted } from '../base/printable.ts';
import { registerSecret } from '../base/redact.ts';
import { readYamlValues } from '../base/yaml-read.ts';
import { Keyring } from './keyring.ts';
import { type ClusterAccess, type KubectlContext, kubectl } from './kubectl.ts';

/** Logins with which the kubelet pulls the images of Pods that name a Secret in `imagePullSecrets`. */
export interface PullSecret {
  /** Name of the Secret; undefined for a config.json, and for a Secret in a file without a name. */
  readonly name: string | undefined;
  readonly namespace?: string;
  /** Finds logins by the rules of the kubelet. */
  readonly keychain: Keychain;
}

/** Context of a run that reads a pull secret. */
export interface PullSecretContext extends KubectlContext {
  readonly emit: Emit;
}

/** Maximum bytes of a file. A Secret holds at most 1 MiB, which base64 makes 1.4 MiB. */
const SIZE_LIMIT = 4 * 1024 ** 2;

/**
 * Reads a pull secret: a Secret of the cluster (`NAMESPACE/NAME`, by kubectl), or a file with a Secret (YAML or JSON) or
 * with a config.json of Docker. If a file has the path `NAMESPACE/NAME`, it is read, with a note.
 * @throws AirgapError `config` for a file that holds no pull secret, `usage` for a text that is neither, `cluster`
 */
export async function readPullSecret(
  context: PullSecretContext,
  text: string,
  access: ClusterAccess = {},
): Promise<PullSecret> {
  const [namespace = '', name = '', ...rest] = text.split('/');
  const isObject = rest.length === 0 && isName('namespace', namespace) && isName('object name', name);
  const path = resolve(context.cwd, text);
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw unreadable(text, error);
  });
  if (found?.isDirectory() === false) {
    if (isObject) {
      const message = `--pull-secret ${text}: read from the file of this path, not from the cluster`;
      context.emit({ type: 'note', message });
    }
    if (found.size > SIZE_LIMIT) throw invalid(text, `is larger than ${SIZE_LIMIT / 1024 ** 2} MiB`);
    const content = await readFile(path, 'utf8').catch((error: unknown) => {
      throw unreadable(text, error);
    });
    return parsePullSecret(content, text);
  }
  if (!isObject) {
    throw new AirgapError(
      'usage',
      `--pull-secret ${quoted(text)} is neither a file nor the NAMESPACE/NAME of a Secret`,
      {
        hint: 'give a Secret of the cluster, such as apps/regcred, or the path of a file with it',
      },
    );
  }
  const output = await kubectl(context, access, ['get', 'secret', name, `--namespace=${namespace}`, '--output=json'], {
    what: `the Secret ${text}`,
    instead: `save it where it can be read (kubectl -n ${namespace} get secret ${name} -o yaml > FILE) and give --pull-secret FILE`,
  });
  return parsePullSecret(output, `the Secret ${text}`);
}

/**
 * Reads the text of a Secret (YAML or JSON; one in the file) or of a config.json. Errors never quote it: it is secret.
 * @param where path of the file, or the Secret, for messages
 * @throws AirgapError `config`
 */
export function parsePullSecret(text: string, where: string): PullSecret {
  const documents = parseDocuments(text.replace(/^\ufeff/, ''));
  if (documents === undefined) throw invalid(where, 'is neither YAML nor JSON');
  const mappings = documents.filter(isMapping);
  const secrets = mappings.filter(({ kind }) => kind === 'Secret');
  if (secrets.length === 0) {
    const [config] = mappings;
    if (mappings.length === 1 && config !== undefined && config.kind === undefined && isDockerConfig(config)) {
      return { name: undefined, keychain: secretKeychain(loginsOf(config, where), where) };
    }
    const kinds = [...new Set(mappings.map(({ kind }) => kind).filter((kind) => typeof kind === 'string'))];
    const what = kinds.length === 0 ? 'is neither' : `has a ${quoted(kinds.join(', '))} instead of`;
    throw invalid(where, `${what} a Secret ${kinds.length === 0 ? 'nor' : 'or'} a config.json of Docker`);
  }
  const pullSecrets = secrets.filter(({ type }) => typeof type === 'string' && KEYS.has(type));
  const [secret] = pullSecrets;
  if (secret === undefined) {
    const type = typeof secrets[0]?.type === 'string' ? quoted(secrets[0].type) : 'Opaque';
    throw invalid(where, `has a Secret of type ${type}, which the kubelet ignores in imagePullSecrets`);
  }
  if (pullSecrets.length > 1) throw invalid(where, 'has several pull secrets');
  return readSecret(secret, where);
}

/** Key of the data by type of the Secret (k8s.io/api/core/v1, `DockerConfigJsonKey`, `DockerConfigKey`). */
const KEYS: ReadonlyMap<string, string> = new Map([
  ['kubernetes.io/dockerconfigjson', '.dockerconfigjson'],
  ['kubernetes.io/dockercfg', '.dockercfg'],
]);

function readSecret(secret: Mapping, where: string): PullSecret {
  const key = KEYS.get(String(secret.type)) ?? '';
  const { name, namespace } = isMapping(secret.metadata) ? secret.metadata : {};
  const text = dataOf(secret, key, where);
  const content = parseJson(text);
  if (!isMapping(content)) throw invalid(where, `has a ${key} that is not a JSON object`);
  const config = key === '.dockercfg' ? { auths: content } : content;
  const named = {
    name: typeof name === 'string' ? checkName('object name', name, where, 'config') : undefined,
    ...(typeof namespace === 'string' && { namespace: checkName('namespace', namespace, where, 'config') }),
  };
  const shown =
    named.name === undefined ? where : `the Secret ${namespace === undefined ? '' : `${namespace}/`}${name}`;
  return { ...named, keychain: secretKeychain(loginsOf(config, where), shown) };
}

/** Returns the text of a key: of `stringData`, which the API server prefers, or of `data` in base64. */
function dataOf(secret: Mapping, key: string, where: string): string {
  const plain = isMapping(secret.stringData) ? secret.stringData[key] : undefined;
  if (typeof plain === 'string') return plain;
  const encoded = isMapping(secret.data) ? secret.data[key] : undefined;
  if (typeof encoded !== 'string') throw invalid(where, `has a Secret without ${key}`);
  const bare = encoded.replace(/\s/g, '');
  if (!BASE64.test(bare)) throw invalid(where, `has a ${key} that is not base64`);
  return Buffer.from(bare, 'base64').toString('utf8');
}

function isDockerConfig(config: Mapping): boolean {
  return ['auths', 'credHelpers', 'credsStore'].some((key) => config[key] !== undefined);
}

/** What the kubelet reads of an entry; it knows no identity tokens (pkg/credentialprovider/config.go). */
const entrySchema = z.object({
  username: z.string().default(''),
  password: z.string().default(''),
  auth: z.string().default(''),
});

type Login = readonly [key: string, credential: Credential];

/**
 * Reads the logins of a config.json. An invalid entry is an error of all, since the kubelet then pulls nothing with it.
 * Entries without a user name are left out: the kubelet pulls anonymously with them.
 */
function loginsOf(config: Mapping, where: string): Login[] {
  const auths = config.auths ?? {};
  if (!isMapping(auths)) throw invalid(where, 'has an "auths" that is not an object');
  const logins = Object.entries(auths).flatMap(([key, value]) => {
    const credential = readEntry(value ?? {}, key, where);
    return credential === undefined ? [] : [[key, credential] as const];
  });
  if (logins.length > 0) return logins;
  const isElsewhere = config.credsStore !== undefined || config.credHelpers !== undefined;
  const why = isElsewhere ? ': they are in credential helpers, which the kubelet does not run' : '';
  throw invalid(where, `has no user names and passwords${why}`);
}

function readEntry(value: unknown, key: string, where: string): Credential | undefined {
  const wrong = (what: string): AirgapError => invalid(where, `has an entry for ${quoted(key)} ${what}`);
  const entry = entrySchema.safeParse(value);
  if (!entry.success) throw wrong('that is not an object of texts');
  let { username, password } = entry.data;
  const { auth } = entry.data;
  registerSecret(auth);
  if (auth !== '') {
    // Go's decoder ignores line breaks.
    const encoded = auth.replace(/[\r\n]/g, '');
    const decoded = BASE64.test(encoded) ? Buffer.from(encoded, 'base64').toString('utf8') : '';
    const colon = decoded.indexOf(':');
    if (colon < 0) throw wrong('whose "auth" is not base64 of user:password');
    [username, password] = [decoded.slice(0, colon), decoded.slice(colon + 1)];
  }
  registerSecret(password);
  return username === '' ? undefined : { kind: 'basic', username, password };
}

function secretKeychain(logins: readonly Login[], where: string): Keychain {
  const keyring = new Keyring(logins);
  const origin = {
    source: `of ${where}`,
    remedy: 'put a valid login into the pull secret (kubectl create secret docker-registry)',
  };
  return {
    async lookup(registry, repositoryPath = '') {
      const credential = keyring.find(registry, repositoryPath);
      return credential && { ...credential, ...origin };
    },
    sources: () => [where],
  };
}

function parseDocuments(text: string): readonly unknown[] | undefined {
  if (!/^\s*\{/.test(text)) return readYamlValues(text);
  const value = parseJson(text);
  // A mapping of YAML may begin with a brace too.
  return value === undefined ? readYamlValues(text) : [value];
}

/** Returns undefined for a text that is not JSON; the parser's message would quote it. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unreadable(path: string, cause: unknown): AirgapError {
  return new AirgapError('config', `cannot read the pull secret ${path}: ${reasonOf(cause)}`, {
    hint: 'check the path and its permissions',
    cause,
  });
}

function invalid(where: string, what: string): AirgapError {
  return new AirgapError('config', `--pull-secret: ${where} ${what}`, {
    hint: 'make one with kubectl create secret docker-registry NAME --docker-server=HOST --docker-username=USER --docker-password=PASSWORD --dry-run=client -o yaml',
  });
}
