import { readFile } from 'node:fs/promises';
import { withHubName } from '../base/docker-hub.ts';
import { AirgapError } from '../base/errors.ts';
import { reasonOf } from '../base/file-failure.ts';
import { quoted } from '../base/printable.ts';
import { keepSecret } from '../base/redact.ts';
import { withoutEnd } from '../base/text-ends.ts';
import type { Credential } from './credential.ts';
import type { CredentialsFile } from './credential-files.ts';

/** One file of credentials, as docker's config.json and containers-auth.json(5) have it; or a variable that holds one. */
export interface AuthFile {
  /** Path, or the variable's name, for messages. */
  readonly file: string;
  /**
   * By host or host/path, normalised; entries without any secret are left out. An entry that is broken is an error for
   * its own host alone.
   */
  readonly auths: ReadonlyMap<string, Credential | AirgapError>;
  /** Helper name by normalised host; empty where the entries of this file count and no helper is asked. */
  readonly credHelpers: ReadonlyMap<string, string>;
  readonly credsStore: string | undefined;
}

/** The variable that holds the text of a Docker config.json (GitLab CI; docker 28.3). */
export const DOCKER_AUTH_CONFIG = 'DOCKER_AUTH_CONFIG';

/**
 * Reads a credentials file; undefined when there is none.
 * @throws AirgapError `config` naming the file when it is not what it has to be
 */
export async function readAuthFile({ file, isLegacy, isGuess }: CredentialsFile): Promise<AuthFile | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    const { code } = cause as { code?: string };
    if (code === 'ENOENT' || code === 'ENOTDIR' || (isGuess && code === 'EACCES')) return undefined;
    throw new AirgapError('config', `${file} cannot be read: ${reasonOf(cause)}`, {
      hint: 'make it a file that this user can read; sudo docker login leaves files of root in ~/.docker',
      cause,
    });
  }
  return parseAuthFile(text, file, isLegacy);
}

/**
 * Reads the text of a credentials file.
 * @param file its path or its variable's name, for messages
 * @throws AirgapError `config` when it is not what it has to be
 */
export function parseAuthFile(text: string, file: string, isLegacy = false): AuthFile {
  // Editors of Windows begin a file with U+FEFF; `docker logout` and others leave an empty file behind at times.
  const json = text.replace(/^\ufeff/, '').trim();
  let content: unknown;
  try {
    content = json === '' ? {} : JSON.parse(json);
  } catch {
    // The parser's message quotes the text, and the text is secret.
    throw broken(file, 'is not JSON');
  }
  if (!isObject(content)) throw broken(file, 'is not a JSON object');
  const credHelpers = new Map<string, string>();
  for (const [key, helper] of entriesOf(isLegacy ? {} : content.credHelpers, 'credHelpers', file)) {
    if (typeof helper === 'string') credHelpers.set(normaliseKey(key), helper);
  }
  const credsStore =
    typeof content.credsStore === 'string' && content.credsStore !== '' ? content.credsStore : undefined;
  return { file, auths: readAuths(isLegacy ? content : content.auths, file), credHelpers, credsStore };
}

/** Of several keys that mean the same, that which is written as the host itself counts, as in Podman; else the first. */
function readAuths(value: unknown, file: string): Map<string, Credential | AirgapError> {
  const auths = new Map<string, Credential | AirgapError>();
  for (const [key, entry] of entriesOf(value, 'auths', file)) {
    const name = normaliseKey(key);
    if (!isObject(entry) || (auths.has(name) && key !== name)) continue;
    const credential = readEntry(entry, key, file);
    if (credential !== undefined) auths.set(name, credential);
  }
  return auths;
}

/**
 * A key of `auths` as host or host/path: without scheme and without the `/v1/` of old, and with Docker Hub under its one
 * name `docker.io`.
 */
export function normaliseKey(key: string): string {
  const bare = withoutEnd(key.replace(/^https?:\/\//i, ''), '/').replace(/\/v[12]$/, '');
  const slash = bare.indexOf('/');
  const host = (slash < 0 ? bare : bare.slice(0, slash)).toLowerCase();
  const path = slash < 0 ? '' : bare.slice(slash);
  return `${withHubName(host)}${path}`;
}

/** Standard base64: Node would decode anything. */
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

function readEntry(entry: Record<string, unknown>, key: string, file: string): Credential | AirgapError | undefined {
  const text = (name: string): string => (typeof entry[name] === 'string' ? entry[name] : '');
  const source = `stored in ${file}`;
  for (const name of ['identitytoken', 'registrytoken', 'auth', 'password']) keepSecret(text(name));
  if (text('registrytoken') !== '' && text('identitytoken') === '') {
    return { kind: 'registry-token', token: text('registrytoken'), source };
  }
  let [username, password] = [text('username'), text('password')];
  if (text('auth') !== '') {
    // `base64` of the shell breaks it into lines.
    const encoded = text('auth').replace(/[\r\n]/g, '');
    const decoded = BASE64.test(encoded) ? Buffer.from(encoded, 'base64').toString('utf8') : '';
    const colon = decoded.indexOf(':');
    // Beside an identity token it gives a user name at most.
    if (colon < 1 && text('identitytoken') === '') {
      return broken(file, `has an entry for ${quoted(key)} whose "auth" is not base64 of user:password`);
    }
    username = decoded.slice(0, Math.max(0, colon));
    // Docker pads with NUL characters in old files.
    password = withoutEnd(decoded.slice(colon + 1), '\0');
  }
  if (text('identitytoken') !== '') {
    // Docker's helpers write <token> where there is no user.
    const user = username === '' || username === '<token>' ? {} : { username };
    return { kind: 'identity-token', token: text('identitytoken'), ...user, source };
  }
  if (username === '') return undefined;
  keepSecret(password);
  return { kind: 'basic', username, password, source };
}

function entriesOf(value: unknown, name: string, file: string): [string, unknown][] {
  if (value === undefined || value === null) return [];
  if (!isObject(value)) throw broken(file, `has "${name}" that is no object`);
  return Object.entries(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function broken(file: string, what: string): AirgapError {
  const isVariable = file === DOCKER_AUTH_CONFIG;
  return new AirgapError('config', `${file} ${what}`, {
    hint: isVariable
      ? 'the variable holds the JSON of a config.json itself, not the path of one; correct it, or unset it'
      : 'repair or remove it, then log in again',
  });
}
