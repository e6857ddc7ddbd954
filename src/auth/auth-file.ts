import { readFile } from 'node:fs/promises';
import { AirgapError, messageOf } from '../base/errors.ts';
import { keepSecret } from '../base/redact.ts';
import { withoutEnd } from '../base/text-ends.ts';
import type { Credential } from './credential.ts';

/** One file of credentials, as docker's config.json and containers-auth.json(5) have it. */
export interface AuthFile {
  /** Path, for messages. */
  readonly file: string;
  /** By host or host/path, normalised; entries without any secret are left out. */
  readonly auths: ReadonlyMap<string, Credential>;
  /** Helper name by normalised host. */
  readonly credHelpers: ReadonlyMap<string, string>;
  readonly credsStore: string | undefined;
}

/**
 * Reads a credentials file; undefined when there is none.
 * @throws AirgapError `config` naming the file when it is not what it has to be
 */
export async function readAuthFile(file: string): Promise<AuthFile | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    const { code } = cause as { code?: string };
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new AirgapError('config', `the credentials file ${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
  let json: unknown;
  try {
    // `docker logout` and others leave an empty file behind at times.
    json = text.trim() === '' ? {} : JSON.parse(text);
  } catch {
    // The parser's message quotes the text, and the text is secret.
    throw broken(file, 'is not JSON');
  }
  if (!isObject(json)) throw broken(file, 'is not a JSON object');
  const auths = new Map<string, Credential>();
  for (const [key, entry] of entriesOf(json.auths, 'auths', file)) {
    const credential = isObject(entry) ? readEntry(entry, key, file) : undefined;
    if (credential !== undefined) auths.set(normaliseKey(key), credential);
  }
  const credHelpers = new Map<string, string>();
  for (const [key, helper] of entriesOf(json.credHelpers, 'credHelpers', file)) {
    if (typeof helper === 'string' && helper !== '') credHelpers.set(normaliseKey(key), helper);
  }
  const credsStore = typeof json.credsStore === 'string' && json.credsStore !== '' ? json.credsStore : undefined;
  return { file, auths, credHelpers, credsStore };
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
  const hub = host === 'index.docker.io' || host === 'registry-1.docker.io';
  return `${hub ? 'docker.io' : host}${path}`;
}

function readEntry(entry: Record<string, unknown>, key: string, file: string): Credential | undefined {
  const text = (name: string): string => (typeof entry[name] === 'string' ? entry[name] : '');
  if (text('identitytoken') !== '') {
    keepSecret(text('identitytoken'));
    return { kind: 'identity-token', token: text('identitytoken') };
  }
  if (text('registrytoken') !== '') {
    keepSecret(text('registrytoken'));
    return { kind: 'registry-token', token: text('registrytoken') };
  }
  let [username, password] = [text('username'), text('password')];
  if (text('auth') !== '') {
    keepSecret(text('auth'));
    const decoded = Buffer.from(text('auth'), 'base64').toString('utf8');
    const colon = decoded.indexOf(':');
    if (colon < 1) throw broken(file, `has an entry for ${key} whose "auth" is not base64 of user:password`);
    username = decoded.slice(0, colon);
    // Docker pads with NUL characters in old files.
    password = withoutEnd(decoded.slice(colon + 1), '\0');
  }
  if (username === '') return undefined;
  keepSecret(password);
  return { kind: 'basic', username, password };
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
  return new AirgapError('config', `the credentials file ${file} ${what}`, {
    hint: 'repair or remove it, then log in again',
  });
}
