import { readFile } from 'node:fs/promises';
import { BASE64 } from '../base/base64.ts';
import { AirgapError } from '../base/errors.ts';
import { reasonOf } from '../base/file-failure.ts';
import { isMapping, type Mapping } from '../base/mapping.ts';
import { quoted } from '../base/printable.ts';
import { registerSecret } from '../base/redact.ts';
import { trimTrailing } from '../base/text-trim.ts';
import type { CredentialsFile } from './credential-files.ts';
import { type Credential, normalizeKey } from './keychain.ts';

/** Parsed credentials file (Docker's config.json, containers-auth.json(5)), or a variable with its text. */
export interface AuthFile {
  /** Path or variable name, for messages. */
  readonly file: string;
  /**
   * Credentials by normalized host or host/path, without entries that have no secret. An invalid entry is an error for
   * its own host only.
   */
  readonly auths: ReadonlyMap<string, Credential | AirgapError>;
  /** Helper name by normalized host; an empty name means that the entries of the file are used without a helper. */
  readonly credHelpers: ReadonlyMap<string, string>;
  readonly credsStore: string | undefined;
}

/** Variable with the text of a Docker config.json (GitLab CI; Docker 28.3). */
export const DOCKER_AUTH_CONFIG = 'DOCKER_AUTH_CONFIG';

/**
 * Reads a credentials file; undefined when it does not exist.
 * @throws AirgapError `config` with the path when it is unreadable or invalid
 */
export async function readAuthFile({ file, isLegacy, isOptional }: CredentialsFile): Promise<AuthFile | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    const { code } = cause as { code?: string };
    if (code === 'ENOENT' || code === 'ENOTDIR' || (isOptional && code === 'EACCES')) return undefined;
    throw new AirgapError('config', `cannot read ${file}: ${reasonOf(cause)}`, {
      hint: 'make the file readable for this user; sudo docker login leaves files owned by root in ~/.docker',
      cause,
    });
  }
  return parseAuthFile(text, file, isLegacy);
}

/**
 * Parses the text of a credentials file.
 * @param file path or variable name, for messages
 * @throws AirgapError `config` when it is invalid
 */
export function parseAuthFile(text: string, file: string, isLegacy = false): AuthFile {
  // Windows editors add U+FEFF at the start of a file; `docker logout` and others may leave an empty file.
  const json = text.replace(/^\ufeff/, '').trim();
  let content: unknown;
  try {
    content = json === '' ? {} : JSON.parse(json);
  } catch {
    // The parser's message would quote the text, which is secret.
    throw invalidFile(file, 'is not JSON');
  }
  if (!isMapping(content)) throw invalidFile(file, 'is not a JSON object');
  const credHelpers = new Map<string, string>();
  for (const [key, helper] of entriesOf(isLegacy ? {} : content.credHelpers, 'credHelpers', file)) {
    if (typeof helper === 'string') credHelpers.set(normalizeKey(key), helper);
  }
  const credsStore =
    typeof content.credsStore === 'string' && content.credsStore !== '' ? content.credsStore : undefined;
  return { file, auths: readAuths(isLegacy ? content : content.auths, file), credHelpers, credsStore };
}

/** Reads the entries. Of several keys for one host, the bare host name wins, as in Podman; otherwise the first. */
function readAuths(value: unknown, file: string): Map<string, Credential | AirgapError> {
  const auths = new Map<string, Credential | AirgapError>();
  for (const [key, entry] of entriesOf(value, 'auths', file)) {
    const name = normalizeKey(key);
    if (!isMapping(entry) || (auths.has(name) && key !== name)) continue;
    const credential = readEntry(entry, key, file);
    if (credential !== undefined) auths.set(name, credential);
  }
  return auths;
}

function readEntry(entry: Mapping, key: string, file: string): Credential | AirgapError | undefined {
  const text = (name: string): string => (typeof entry[name] === 'string' ? entry[name] : '');
  const source = `stored in ${file}`;
  for (const name of ['identitytoken', 'registrytoken', 'auth', 'password']) registerSecret(text(name));
  if (text('registrytoken') !== '' && text('identitytoken') === '') {
    return { kind: 'registry-token', token: text('registrytoken'), source };
  }
  let [username, password] = [text('username'), text('password')];
  if (text('auth') !== '') {
    // The `base64` command inserts line breaks.
    const encoded = text('auth').replace(/[\r\n]/g, '');
    const decoded = BASE64.test(encoded) ? Buffer.from(encoded, 'base64').toString('utf8') : '';
    const colon = decoded.indexOf(':');
    // With an identity token, `auth` only contributes the user name.
    if (colon < 1 && text('identitytoken') === '') {
      return invalidFile(file, `has an entry for ${quoted(key)} whose "auth" is not base64 of user:password`);
    }
    username = decoded.slice(0, Math.max(0, colon));
    // Old Docker versions pad with NUL characters.
    password = trimTrailing(decoded.slice(colon + 1), '\0');
  }
  if (text('identitytoken') !== '') {
    // Docker's helpers write <token> when there is no user.
    const user = username === '' || username === '<token>' ? {} : { username };
    return { kind: 'identity-token', token: text('identitytoken'), ...user, source };
  }
  if (username === '') return undefined;
  registerSecret(password);
  return { kind: 'basic', username, password, source };
}

function entriesOf(value: unknown, name: string, file: string): [string, unknown][] {
  if (value === undefined || value === null) return [];
  if (!isMapping(value)) throw invalidFile(file, `has a "${name}" that is not an object`);
  return Object.entries(value);
}

function invalidFile(file: string, what: string): AirgapError {
  const isVariable = file === DOCKER_AUTH_CONFIG;
  return new AirgapError('config', `${file} ${what}`, {
    hint: isVariable
      ? 'set the variable to the JSON of a config.json, not to its path, or unset it'
      : 'repair or remove it, then log in again',
  });
}
