import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalHubName, HUB_KEY } from '../base/docker-hub.ts';
import { SECRET_FILE, SECRET_FOLDER } from '../base/own-file.ts';
import { jsonText } from '../base/printable.ts';
import type { Helm } from './helm.ts';

/** Login for a registry that Helm itself does not find. */
export interface RegistryLogin {
  /** Entry of `auths` in a credentials file; secret. */
  readonly entry: Readonly<Record<string, string>>;
  /** Source and user, such as `the login for r.example stored in FILE (user me)`. */
  readonly description: string;
}

/**
 * Finds a login for a repository of an OCI registry; undefined if Helm is to use its own.
 * @throws AirgapError `config`
 */
export type FindLogin = (registry: string, repositoryPath: string) => Promise<RegistryLogin | undefined>;

/** Returns the login for an `oci://` address; undefined for others. */
export async function loginFor(
  address: string,
  findLogin: FindLogin | undefined,
): Promise<(RegistryLogin & { readonly host: string }) | undefined> {
  const [, host, path = ''] = /^oci:\/\/([^/]+)\/?([^:@]*)/.exec(address) ?? [];
  const login = host === undefined ? undefined : await findLogin?.(host, path);
  return host === undefined || login === undefined ? undefined : { ...login, host };
}

/**
 * Writes a credentials file for OCI registries and returns the environment variable with its path.
 * @param folder for the file; created with access for the user only
 * @param base other content of the file
 */
export async function writeRegistryLogins(
  folder: string,
  logins: readonly { readonly host: string; readonly entry: RegistryLogin['entry'] }[],
  base: { readonly auths?: object } = {},
): Promise<Record<string, string>> {
  await mkdir(folder, { recursive: true, mode: SECRET_FOLDER });
  const entries = logins.flatMap(({ host, entry }) => {
    // Helm looks up all names of Docker Hub under this key.
    const isHub = canonicalHubName(host.toLowerCase()) === 'docker.io';
    return [[host, entry] as const, ...(isHub ? [[HUB_KEY, entry] as const] : [])];
  });
  const file = join(folder, 'registry.json');
  const content = { ...base, auths: { ...base.auths, ...Object.fromEntries(entries) } };
  await writeFile(file, jsonText(content), { mode: SECRET_FILE });
  return { HELM_REGISTRY_CONFIG: file };
}

/** Writes a credentials file for the repositories of a chart's dependencies, including Helm's own logins. */
export async function writeDependencyLogins(
  helm: Helm,
  repositories: readonly string[],
  folder: string,
  findLogin: FindLogin | undefined,
): Promise<Record<string, string>> {
  const found = await Promise.all(repositories.map((repository) => loginFor(repository, findLogin)));
  const logins = found.filter((login) => login !== undefined);
  if (logins.length === 0) return {};
  const { stdout } = await helm.run(['env', 'HELM_REGISTRY_CONFIG']);
  return writeRegistryLogins(folder, logins, await readHelmCredentials(stdout.trim()));
}

/** Reads Helm's credentials file; empty if it is missing or invalid, as for Helm itself. */
async function readHelmCredentials(file: string): Promise<{ readonly auths?: object }> {
  try {
    const content: unknown = JSON.parse(await readFile(file, 'utf8'));
    return typeof content === 'object' && content !== null && !Array.isArray(content) ? content : {};
  } catch {
    return {};
  }
}
