import { homedir } from 'node:os';
import { join } from 'node:path';

/** The user and the machine, as far as the places of credentials files depend on them. */
export interface UserEnvironment {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user's home directory. */
  readonly home: string;
  /** As of `process.platform`. Default: linux. */
  readonly platform?: NodeJS.Platform;
  /** User id; undefined where there is none, as on Windows. */
  readonly uid?: number | undefined;
}

/** Of this process, with the variables that it goes by. */
export function userEnvironment(env: UserEnvironment['env']): UserEnvironment {
  return { env, home: env.HOME || homedir(), platform: process.platform, uid: process.getuid?.() };
}

/** One file in which credentials may be. */
export interface CredentialsFile {
  readonly file: string;
  /** A file of Docker before 1.7: all of it is what `auths` is in others. */
  readonly isLegacy?: true;
  /** A folder that nobody has named and that may be another user's, so that it cannot be read is no error. */
  readonly isGuess?: true;
  /** Variable that names this very file. */
  readonly namedBy?: string;
  /** Whether Helm reads it by itself when it pulls a chart. */
  readonly isHelms?: true;
}

/**
 * The credentials files in the order in which they are read; the first that knows a registry wins: `REGISTRY_AUTH_FILE`,
 * Helm's (`helm env`), those of containers-auth.json(5), which end with Docker's.
 */
export function credentialsFiles(user: UserEnvironment): readonly CredentialsFile[] {
  const { env, home } = user;
  const files: (CredentialsFile | undefined)[] = [
    env.REGISTRY_AUTH_FILE ? { file: env.REGISTRY_AUTH_FILE, namedBy: 'REGISTRY_AUTH_FILE' } : undefined,
    { file: helmFile(user), isHelms: true },
    ...containersFiles(user),
    { file: join(env.DOCKER_CONFIG || join(home, '.docker'), 'config.json'), isHelms: true },
    { file: join(home, '.dockercfg'), isLegacy: true },
  ];
  const known = files.filter((file) => file !== undefined);
  return known.filter(({ file }, at) => known.findIndex((other) => other.file === file) === at);
}

/** Helm's own, where `helm registry login` writes (helm.sh/helm, pkg/helmpath): as a plugin we are told it. */
function helmFile({ env, home, platform = 'linux' }: UserEnvironment): string {
  if (env.HELM_REGISTRY_CONFIG) return env.HELM_REGISTRY_CONFIG;
  const file = 'registry/config.json';
  if (env.HELM_CONFIG_HOME) return join(env.HELM_CONFIG_HOME, file);
  if (env.XDG_CONFIG_HOME) return join(env.XDG_CONFIG_HOME, 'helm', file);
  return join(home, platform === 'darwin' ? 'Library/Preferences/helm' : '.config/helm', file);
}

/** Those of podman, skopeo and buildah. */
function containersFiles({ env, home, platform = 'linux', uid }: UserEnvironment): CredentialsFile[] {
  const file = 'containers/auth.json';
  const primary: CredentialsFile[] = [];
  if (platform !== 'linux') primary.push({ file: join(home, '.config', file) });
  else if (env.XDG_RUNTIME_DIR) primary.push({ file: join(env.XDG_RUNTIME_DIR, file) });
  else if (uid !== undefined) primary.push({ file: `/run/containers/${uid}/auth.json`, isGuess: true });
  return [...primary, { file: join(env.XDG_CONFIG_HOME || join(home, '.config'), file) }];
}
