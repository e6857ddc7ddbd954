import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../base/environment.ts';

/** Properties of user and machine that determine the paths of credentials files. */
export interface UserEnvironment {
  readonly env: Environment;
  /** The user's home directory. */
  readonly home: string;
  /** As of `process.platform`. Default: linux. */
  readonly platform?: NodeJS.Platform;
  /** User id; undefined on Windows. */
  readonly uid?: number | undefined;
}

/** Returns the environment of this process with the given variables. */
export function userEnvironment(env: UserEnvironment['env']): UserEnvironment {
  return { env, home: env.HOME || homedir(), platform: process.platform, uid: process.getuid?.() };
}

/** Possible location of credentials. */
export interface CredentialsFile {
  readonly file: string;
  /** File of Docker before 1.7, with the entries of `auths` at the top level. */
  readonly isLegacy?: true;
  /** Default directory that may belong to another user, so a permission error is ignored. */
  readonly isOptional?: true;
  /** Variable that contains this path. */
  readonly namedBy?: string;
  /** Helm reads this file itself when it pulls a chart. */
  readonly isReadByHelm?: true;
}

/**
 * Returns the credentials files in the order of precedence: `REGISTRY_AUTH_FILE`, Helm's (`helm env`), then those of
 * containers-auth.json(5), ending with Docker's. The first file with an entry for a registry wins.
 */
export function credentialsFiles(user: UserEnvironment): readonly CredentialsFile[] {
  const { env, home } = user;
  const files: (CredentialsFile | undefined)[] = [
    env.REGISTRY_AUTH_FILE ? { file: env.REGISTRY_AUTH_FILE, namedBy: 'REGISTRY_AUTH_FILE' } : undefined,
    { file: helmCredentialsFile(user), isReadByHelm: true },
    ...containersAuthFiles(user),
    { file: dockerCredentialsFile(user), isReadByHelm: true },
    { file: join(home, '.dockercfg'), isLegacy: true },
  ];
  const known = files.filter((file) => file !== undefined);
  return known.filter(({ file }, index) => known.findIndex((other) => other.file === file) === index);
}

/**
 * Returns Helm's file, written by `helm registry login` (helm.sh/helm, pkg/helmpath). Helm passes its path to plugins.
 */
export function helmCredentialsFile({ env, home, platform = 'linux' }: UserEnvironment): string {
  if (env.HELM_REGISTRY_CONFIG) return env.HELM_REGISTRY_CONFIG;
  const file = 'registry/config.json';
  if (env.HELM_CONFIG_HOME) return join(env.HELM_CONFIG_HOME, file);
  if (env.XDG_CONFIG_HOME) return join(env.XDG_CONFIG_HOME, 'helm', file);
  return join(home, platform === 'darwin' ? 'Library/Preferences/helm' : '.config/helm', file);
}

/** Returns Docker's file, written by `docker login` (github.com/docker/cli, cli/config). Helm, Podman and Skopeo read it, too. */
export function dockerCredentialsFile({ env, home }: UserEnvironment): string {
  return join(env.DOCKER_CONFIG || join(home, '.docker'), 'config.json');
}

/** Returns the files of Podman, Skopeo and Buildah. */
function containersAuthFiles({ env, home, platform = 'linux', uid }: UserEnvironment): CredentialsFile[] {
  const file = 'containers/auth.json';
  const primary: CredentialsFile[] = [];
  if (platform !== 'linux') primary.push({ file: join(home, '.config', file) });
  else if (env.XDG_RUNTIME_DIR) primary.push({ file: join(env.XDG_RUNTIME_DIR, file) });
  else if (uid !== undefined) primary.push({ file: `/run/containers/${uid}/auth.json`, isOptional: true });
  return [...primary, { file: join(env.XDG_CONFIG_HOME || join(home, '.config'), file) }];
}
