import { lstat, readlink, realpath } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readEditable } from '../base/editable-file.ts';
import { AirgapError } from '../base/errors.ts';
import { isMapping, type Mapping } from '../base/mapping.ts';
import { makeFolder } from '../base/output-file.ts';
import { SECRET_FILE, SECRET_FOLDER } from '../base/own-file.ts';
import { replaceFiles } from '../base/replace-files.ts';
import { runLockPath, withRunLock } from '../base/run-lock.ts';
import { parseAuthFile } from './auth-file.ts';
import type { UserEnvironment } from './credential-files.ts';
import { defaultStore } from './default-store.ts';
import { helperEnvironment, runHelper } from './helper-program.ts';
import { credentialsKey, normalizeKey } from './keychain.ts';

/** A login to store. */
export interface NewLogin {
  /** Host with an optional port; `docker.io` for Docker Hub. */
  readonly registry: string;
  readonly username: string;
  readonly password: string;
}

/** Where a login was stored. */
export interface StoredLogin {
  readonly file: string;
  /** Name of the credential helper that has the password; undefined if the file has it. */
  readonly helper?: string;
}

/** Milliseconds between attempts to lock a file, and until that is given up. */
const LOCK_INTERVAL = 50;
const LOCK_TIMEOUT = 15_000;

/**
 * Stores a login in credentials files of Helm and Docker, by their rules (github.com/docker/cli, cli/config;
 * oras.land/oras-go/v2, registry/remote/credentials):
 *
 * - The helper that the file names for the registry (`credHelpers`), or for all (`credsStore`), gets it. A file without any
 *   login gets the default store of the platform, if its program is installed. Otherwise `auths` gets user and password.
 * - The key is the host, that of Docker Hub `https://index.docker.io/v1/`. Other spellings of this host that the file has get
 *   the same login, because some programs prefer them.
 * - All other content stays, links are followed, and the mode is 0600 afterwards.
 *
 * All files are written, or none. Concurrent runs wait for each other.
 * @param files paths, of which several may be one file
 * @throws AirgapError `config` for a file that is no credentials file, and for a helper that fails; `file`, `no-space`
 */
export async function storeLogin(
  user: UserEnvironment,
  files: readonly string[],
  login: NewLogin,
): Promise<readonly StoredLogin[]> {
  // Sorted, so that two runs do not wait for each other's file.
  const paths = [...new Set(await Promise.all(files.map(followLinks)))].sort();
  for (const path of paths) await makeFolder(dirname(path), SECRET_FOLDER);
  return withLocks(paths, async () => {
    const changes = await Promise.all(paths.map((path) => planChange(path, user, login)));
    const helpers = new Map(changes.flatMap((change) => (change.helper ? [[change.helper, change.path]] : [])));
    for (const [name, file] of helpers) await storeInHelper(name, file, user, login);
    await replaceFiles(changes.map(({ path, before, after }) => ({ path, before, after, mode: SECRET_FILE })));
    return changes.map(({ path, helper }) => ({ file: path, ...(helper !== '' && { helper }) }));
  });
}

/** New content of a file, and the helper for the password; empty if the file has it. */
interface PlannedChange {
  readonly path: string;
  readonly before: Buffer | undefined;
  readonly after: Buffer;
  readonly helper: string;
}

async function planChange(path: string, user: UserEnvironment, login: NewLogin): Promise<PlannedChange> {
  const text = await readText(path);
  // For its errors, which never quote the text.
  parseAuthFile(text ?? '', path);
  const json = (text ?? '').replace(/^\ufeff/, '').trim();
  const content: Mapping = json === '' ? {} : JSON.parse(json);
  const auths: Mapping = isMapping(content.auths) ? content.auths : {};
  const key = credentialsKey(login.registry);
  const { helper, isDefault } = await helperFor(content, key, user);
  const entry = helper === '' ? { auth: Buffer.from(`${login.username}:${login.password}`).toString('base64') } : {};
  const keys = [key, ...Object.keys(auths).filter((other) => normalizeKey(other) === login.registry)];
  const changed = {
    ...content,
    auths: { ...auths, ...Object.fromEntries(keys.map((each) => [each, entry])) },
    ...(isDefault && { credsStore: helper }),
  };
  // Docker and Helm indent by tabs.
  const after = Buffer.from(JSON.stringify(changed, undefined, '\t'));
  return { path, before: text === undefined ? undefined : Buffer.from(text), after, helper };
}

/** Returns the name of the helper for a registry; empty without one. Keys are compared literally, as in Docker and Helm. */
async function helperFor(
  { auths, credHelpers, credsStore }: Mapping,
  key: string,
  user: UserEnvironment,
): Promise<{ readonly helper: string; readonly isDefault: boolean }> {
  const named = isMapping(credHelpers) && Object.hasOwn(credHelpers, key) ? credHelpers[key] : credsStore;
  const isConfigured = [auths, credHelpers].some((value) => isMapping(value) && Object.keys(value).length > 0);
  if (typeof named === 'string' && (named !== '' || isConfigured)) return { helper: named, isDefault: false };
  const found = isConfigured ? undefined : await defaultStore(user);
  return { helper: found ?? '', isDefault: found !== undefined };
}

async function storeInHelper(name: string, file: string, { env }: UserEnvironment, login: NewLogin): Promise<void> {
  const { registry, username, password } = login;
  const key = credentialsKey(registry);
  const end = await runHelper({
    name,
    action: 'store',
    input: JSON.stringify({ ServerURL: key, Username: username, Secret: password }),
    file,
    registry,
    env: helperEnvironment(env),
    byHand: `check it: echo ${key} | docker-credential-${name} get`,
  });
  if (!end.hasFailed) return;
  const hint = `repair docker-credential-${name}, or remove its name from ${file} to store the login in the file`;
  if (`${end.stdout}${end.stderr}`.includes(password)) throw end.error('failed', false, hint);
  throw end.failure(hint);
}

/** Returns the text of a file; undefined if there is none. @throws AirgapError `file` */
async function readText(path: string): Promise<string | undefined> {
  if ((await lstat(path).catch(() => undefined)) === undefined) return undefined;
  const text = await readEditable(path);
  if (typeof text === 'string') return text;
  throw new AirgapError('file', `the login cannot be stored in ${path}: ${text.reason}`, {
    hint: 'check the path and its permissions, or store the login in the other file only (--only)',
  });
}

/** Returns the file that a path leads to; that of a link may not exist yet. */
async function followLinks(path: string): Promise<string> {
  const found = await realpath(path).catch(() => undefined);
  if (found !== undefined) return found;
  const target = await readlink(path).catch(() => undefined);
  if (target !== undefined) return resolve(dirname(path), target);
  // Two paths to one new file have one lock.
  return (
    (await realpath(dirname(path)).then(
      (folder) => resolve(folder, basename(path)),
      () => undefined,
    )) ?? resolve(path)
  );
}

/** Runs `work` when no other run is changing one of these files. @throws AirgapError `output-exists` after some seconds */
async function withLocks<R>([first, ...others]: readonly string[], work: () => Promise<R>): Promise<R> {
  if (first === undefined) return work();
  const until = Date.now() + LOCK_TIMEOUT;
  for (;;) {
    let isHeld = false;
    try {
      return await withRunLock(first, () => {
        isHeld = true;
        return withLocks(others, work);
      });
    } catch (error) {
      if (isHeld || !(error instanceof AirgapError) || error.code !== 'output-exists') throw error;
      if (Date.now() < until) {
        await sleep(LOCK_INTERVAL);
        continue;
      }
      const hint = `wait for it; if that run no longer exists, delete ${runLockPath(first)}`;
      throw new AirgapError('output-exists', error.reason, { hint, cause: error });
    }
  }
}
