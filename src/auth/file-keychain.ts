import { join } from 'node:path';
import { messageOf } from '../base/errors.ts';
import { type Emit, silent } from '../base/events.ts';
import { type AuthFile, readAuthFile } from './auth-file.ts';
import type { Credential } from './credential.ts';
import { askHelper } from './credential-helper.ts';
import type { Keychain } from './keychain.ts';

export interface FileKeychainOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user's home directory. */
  readonly home: string;
  /** Hears a warning when the general credential store cannot be asked. */
  readonly emit?: Emit;
}

/** The credentials files that are read, the first that knows a registry wins (containers-auth.json(5), Helm, Docker). */
export function credentialFiles({ env, home }: FileKeychainOptions): readonly string[] {
  const files = [
    env.REGISTRY_AUTH_FILE,
    env.HELM_REGISTRY_CONFIG,
    env.XDG_RUNTIME_DIR && join(env.XDG_RUNTIME_DIR, 'containers/auth.json'),
    join(env.XDG_CONFIG_HOME || join(home, '.config'), 'containers/auth.json'),
    join(env.DOCKER_CONFIG || join(home, '.docker'), 'config.json'),
  ];
  return [...new Set(files.filter((file) => file !== undefined && file !== ''))] as string[];
}

/**
 * Credentials from the files that Helm, Docker and Podman keep. Files are read once, helpers asked once a registry,
 * until `forget`.
 */
export function fileKeychain(options: FileKeychainOptions): Keychain {
  const emit = options.emit ?? silent;
  let files: Promise<readonly AuthFile[]> | undefined;
  const asked = new Map<string, Promise<Credential | undefined>>();
  const load = async (): Promise<readonly AuthFile[]> => {
    const read = await Promise.all(credentialFiles(options).map(readAuthFile));
    return read.filter((file) => file !== undefined);
  };
  const ask = (helper: string, host: string, file: string): Promise<Credential | undefined> => {
    const key = `${helper} ${host}`;
    let answer = asked.get(key);
    if (answer === undefined) {
      answer = askHelper(helper, host, { env: options.env, file });
      asked.set(key, answer);
    }
    return answer;
  };
  const find = async (file: AuthFile, host: string, path: string): Promise<Credential | undefined> => {
    // A helper named for this very host is meant; when it fails, so does the lookup.
    const helper = file.credHelpers.get(host);
    if (helper !== undefined) return ask(helper, host, file.file);
    if (file.credsStore !== undefined) {
      try {
        const credential = await ask(file.credsStore, host, file.file);
        if (credential !== undefined) return credential;
      } catch (error) {
        // The store stands for all hosts, public ones included, which need no credential.
        emit({ type: 'warning', message: messageOf(error) });
      }
    }
    for (let key = path === '' ? host : `${host}/${path}`; key !== ''; key = key.slice(0, key.lastIndexOf('/'))) {
      const credential = file.auths.get(key);
      if (credential !== undefined) return credential;
      if (!key.includes('/')) break;
    }
    return undefined;
  };
  return {
    async lookup(registry, repositoryPath = '') {
      files ??= load();
      for (const file of await files) {
        const credential = await find(file, registry.toLowerCase(), repositoryPath);
        if (credential !== undefined) return credential;
      }
      return undefined;
    },
    forget(registry) {
      files = undefined;
      for (const key of asked.keys()) if (key.endsWith(` ${registry.toLowerCase()}`)) asked.delete(key);
    },
  };
}
