import { AirgapError, messageOf } from '../base/errors.ts';
import { type Emit, ignoreEvents } from '../base/events.ts';
import { type AuthFile, DOCKER_AUTH_CONFIG, parseAuthFile, readAuthFile } from './auth-file.ts';
import { type CredentialsFile, credentialsFiles, type UserEnvironment } from './credential-files.ts';
import { CredentialHelpers } from './credential-helper.ts';
import { type Credential, type Keychain, normalizeKey } from './keychain.ts';

export interface FileKeychainOptions extends UserEnvironment {
  /** Receives a warning when the default credential store fails. */
  readonly emit?: Emit;
  /** Milliseconds that a credential helper may take. */
  readonly helperTimeout?: number;
  /** Ends a lookup at the first file with an entry for the registry that Helm reads itself: for chart pulls by Helm. */
  readonly beforeHelm?: boolean;
}

/** Credentials file, or DOCKER_AUTH_CONFIG, which precedes all files as in Docker. */
interface AuthSource extends CredentialsFile {
  /** Parsed file, read once; undefined when it does not exist. */
  read?: Promise<AuthFile | undefined>;
}

/**
 * Creates a keychain for DOCKER_AUTH_CONFIG and the files of Helm, Docker and Podman. A file is read once, and only if
 * those before it have no entry for a registry. Helpers run once per registry. `forget` clears both caches. `lookup`
 * throws AirgapError `config` with the file and the registry.
 */
export function fileKeychain(options: FileKeychainOptions): Keychain {
  const { env } = options;
  const helpers = new CredentialHelpers(env, options.emit ?? ignoreEvents, options.helperTimeout);
  const variable = env.DOCKER_AUTH_CONFIG ? [{ file: DOCKER_AUTH_CONFIG }] : [];
  let sources: readonly AuthSource[] = [...variable, ...credentialsFiles(options)];
  /** Parsed files by path; undefined for those that do not exist. */
  const readFiles = new Map<string, AuthFile | undefined>();
  const read = async (source: AuthSource): Promise<AuthFile | undefined> => {
    const isVariable = source.file === DOCKER_AUTH_CONFIG;
    const file = isVariable
      ? parseAuthFile(env.DOCKER_AUTH_CONFIG ?? '', DOCKER_AUTH_CONFIG)
      : await readAuthFile(source);
    readFiles.set(source.file, file);
    return file;
  };
  const search = async (host: string, path: string): Promise<Credential | undefined> => {
    for (const source of sources) {
      source.read ??= read(source);
      if (options.beforeHelm && source.isReadByHelm) {
        if (await isLeftToHelm(source.read, host, path)) return undefined;
        continue;
      }
      const file = await source.read;
      if (file === undefined) continue;
      const credential = (await helpers.lookup(file, host)) ?? mostSpecificEntry(file, host, path);
      if (credential instanceof AirgapError) throw credential;
      if (credential !== undefined) return { ...sourceRemedy(source), ...credential };
    }
    return undefined;
  };
  return {
    async lookup(registry, repositoryPath = '') {
      try {
        return await search(normalizeKey(registry), repositoryPath);
      } catch (error) {
        if (!(error instanceof AirgapError)) throw error;
        const { code, hint } = error;
        throw new AirgapError(code, `credentials for ${registry}: ${messageOf(error)}`, { hint });
      }
    },
    forget(registry) {
      sources = sources.map(({ read: _, ...source }) => source);
      readFiles.clear();
      helpers.forget(normalizeKey(registry));
    },
    sources(registry) {
      const host = normalizeKey(registry);
      const descriptions = sources.flatMap(({ file, namedBy }) => {
        const found = readFiles.get(file);
        if (found !== undefined && helpers.hasFailed(found)) {
          return [`${file} (docker-credential-${found.credsStore} failed)`];
        }
        const helper = found?.credHelpers.get(host) ?? found?.credsStore ?? '';
        if (helper !== '') return [`${file} (docker-credential-${helper} has none)`];
        if (found !== undefined || !readFiles.has(file)) return [file];
        return namedBy === undefined ? [] : [`${namedBy} (${file} does not exist)`];
      });
      return descriptions.length > 0 ? descriptions : ['files of helm, podman and docker login (none exists)'];
    },
  };
}

/** Returns the remedy for a wrong login in a source that precedes the file of `helm registry login`. */
function sourceRemedy({ file, namedBy }: AuthSource): { readonly remedy?: string } {
  if (file === DOCKER_AUTH_CONFIG) {
    return { remedy: 'correct it in DOCKER_AUTH_CONFIG, or unset the variable to use the login of a file' };
  }
  return namedBy === undefined ? {} : { remedy: `correct it in that file, to which ${namedBy} gives precedence` };
}

/** Reports whether Helm finds an entry in a file or fails to read it; then no login must be passed. */
async function isLeftToHelm(read: Promise<AuthFile | undefined>, host: string, path: string): Promise<boolean> {
  const file = await read.catch(() => 'invalid' as const);
  if (file === undefined || file === 'invalid') return file === 'invalid';
  return (
    file.credHelpers.has(host) || file.credsStore !== undefined || mostSpecificEntry(file, host, path) !== undefined
  );
}

/** Returns the most specific entry for a repository: `host/team/app`, `host/team`, `host` (containers-auth.json(5)). */
function mostSpecificEntry({ auths }: AuthFile, host: string, path: string): Credential | AirgapError | undefined {
  for (let key = path === '' ? host : `${host}/${path}`; key !== ''; key = key.slice(0, key.lastIndexOf('/'))) {
    const entry = auths.get(key);
    if (entry !== undefined) return entry;
    if (!key.includes('/')) break;
  }
  return undefined;
}
