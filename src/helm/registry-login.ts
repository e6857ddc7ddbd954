import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HUB_KEY, withHubName } from '../base/docker-hub.ts';
import { SECRET_FILE, SECRET_FOLDER } from '../base/own-file.ts';
import { jsonText } from '../base/printable.ts';
import type { Helm } from './helm.ts';

/** A login for one registry that Helm does not find by itself. */
export interface RegistryLogin {
  /** Entry of `auths` in a credentials file: a secret. */
  readonly entry: Readonly<Record<string, string>>;
  /** Names its source and its user, as in `the login for r.example stored in FILE (user me)`. */
  readonly description: string;
}

/**
 * Finds a login for a repository of an OCI registry; undefined where Helm is to look for itself.
 * @throws AirgapError `config`
 */
export type FindLogin = (registry: string, repositoryPath: string) => Promise<RegistryLogin | undefined>;

/** The login for an address that begins with `oci://`; undefined for others. */
export async function loginFor(
  address: string,
  find: FindLogin | undefined,
): Promise<(RegistryLogin & { readonly host: string }) | undefined> {
  const [, host, path = ''] = /^oci:\/\/([^/]+)\/?([^:@]*)/.exec(address) ?? [];
  const found = host === undefined ? undefined : await find?.(host, path);
  return host === undefined || found === undefined ? undefined : { ...found, host };
}

/**
 * Writes a file of logins for OCI registries, and gives the variable that points Helm at it.
 * @param folder for the file; it is made, for the user alone
 * @param base what else the file holds
 */
export async function writeRegistryLogins(
  folder: string,
  logins: readonly { readonly host: string; readonly entry: RegistryLogin['entry'] }[],
  base: { readonly auths?: object } = {},
): Promise<Record<string, string>> {
  await mkdir(folder, { recursive: true, mode: SECRET_FOLDER });
  const own = logins.flatMap(({ host, entry }) => {
    // Helm looks for Docker Hub under this name, whatever it is called.
    const isHub = withHubName(host.toLowerCase()) === 'docker.io';
    return [[host, entry] as const, ...(isHub ? [[HUB_KEY, entry] as const] : [])];
  });
  const file = join(folder, 'registry.json');
  const content = { ...base, auths: { ...base.auths, ...Object.fromEntries(own) } };
  await writeFile(file, jsonText(content), { mode: SECRET_FILE });
  return { HELM_REGISTRY_CONFIG: file };
}

/** The same for the repositories of a chart's dependencies, with the logins that Helm has itself in its file. */
export async function writeDependencyLogins(
  helm: Helm,
  repositories: readonly string[],
  folder: string,
  find: FindLogin | undefined,
): Promise<Record<string, string>> {
  const found = await Promise.all(repositories.map((repository) => loginFor(repository, find)));
  const logins = found.filter((login) => login !== undefined);
  if (logins.length === 0) return {};
  const { stdout } = await helm.run(['env', 'HELM_REGISTRY_CONFIG']);
  return writeRegistryLogins(folder, logins, await readBase(stdout.trim()));
}

/** Content of Helm's file; what is missing or broken, Helm would not have read either. */
async function readBase(file: string): Promise<{ readonly auths?: object }> {
  try {
    const content: unknown = JSON.parse(await readFile(file, 'utf8'));
    return typeof content === 'object' && content !== null && !Array.isArray(content) ? content : {};
  } catch {
    return {};
  }
}
