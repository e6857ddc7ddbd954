import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalHubName, HUB_KEY } from '../base/docker-hub.ts';
import { isMapping } from '../base/mapping.ts';
import { SECRET_FILE, SECRET_FOLDER } from '../base/own-file.ts';
import { jsonText } from '../base/printable.ts';
import type { FindLogin, RegistryLogin } from '../base/registry-login.ts';
import { parseOciAddress } from './addresses.ts';
import type { Helm } from './helm.ts';

/** Credentials and TLS settings of a chart repository or registry. */
export interface ChartAccess {
  readonly username?: string;
  readonly password?: string;
  /** Sends the credentials to other hosts named by the repository too. */
  readonly passCredentials?: boolean;
  /** TLS client certificate, its key, and trusted certificate authorities (PEM files). */
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly caFile?: string;
  /** Uses HTTP without TLS for an OCI registry. */
  readonly plainHttp?: boolean;
}

/** Chart to fetch, as specified for Helm's own commands. */
export interface ChartRequest {
  /** Folder, .tgz, `oci://…`, URL, `repo/name`, or a name in `repo`. */
  readonly chart: string;
  /** URL of the repository; empty if unknown, which only a mirror of `*` can serve. */
  readonly repo?: string;
  readonly version?: string;
  readonly devel?: boolean;
  readonly dependencyUpdate?: boolean;
  readonly access?: ChartAccess;
}

/** Returns Helm flags without secrets. Values follow an equals sign so that a leading dash does not make them flags. */
export function accessArguments({ certFile, keyFile, caFile, plainHttp, passCredentials }: ChartAccess): string[] {
  const files = Object.entries({ '--cert-file': certFile, '--key-file': keyFile, '--ca-file': caFile });
  return [
    ...files.flatMap(([flag, file]) => (file === undefined ? [] : [`${flag}=${file}`])),
    ...(passCredentials ? ['--pass-credentials'] : []),
    ...(plainHttp ? ['--plain-http'] : []),
  ];
}

/** Name of the repository in the temporary repository configuration. */
export const TEMPORARY_REPOSITORY = 'airgap';

/**
 * Writes credentials to files that Helm finds by environment variables: a registry login for OCI, else a repository
 * configuration. All users of the machine can read arguments of processes (`ps`), so credentials must not be among
 * them.
 * @param folder for these files; created with access for the user only
 * @param url repository, or scheme and host of an archive, or `oci://…`
 * @param archives URLs of single archives; Helm sends credentials only to URLs in an index
 * @returns environment variables for Helm
 */
export async function writeCredentials(
  folder: string,
  url: string,
  access: ChartAccess,
  archives: readonly string[] = [],
): Promise<Record<string, string>> {
  await mkdir(folder, { recursive: true, mode: SECRET_FOLDER });
  const write = (name: string, content: object): Promise<void> =>
    writeFile(join(folder, name), jsonText(content), { mode: SECRET_FILE });
  const { username = '', password = '' } = access;
  const oci = parseOciAddress(url);
  if (oci !== undefined) {
    const entry = { auth: Buffer.from(`${username}:${password}`).toString('base64') };
    return writeRegistryLogins(folder, [{ host: oci.host, entry }]);
  }
  const entry = {
    ...{ name: TEMPORARY_REPOSITORY, url, username, password, pass_credentials_all: access.passCredentials ?? false },
    ...{ certFile: access.certFile ?? '', keyFile: access.keyFile ?? '', caFile: access.caFile ?? '' },
  };
  await write('repositories.yaml', { apiVersion: '', repositories: [entry] });
  if (archives.length > 0) {
    const entries = {
      [TEMPORARY_REPOSITORY]: [{ apiVersion: 'v2', name: TEMPORARY_REPOSITORY, version: '0.0.0', urls: archives }],
    };
    await write(`${TEMPORARY_REPOSITORY}-index.yaml`, { apiVersion: 'v1', entries });
  }
  return { HELM_REPOSITORY_CONFIG: join(folder, 'repositories.yaml'), HELM_REPOSITORY_CACHE: folder };
}

/** Moves user information of a URL into the credentials. Explicit credentials take precedence. */
export function withoutUserInfo(address: string, access: ChartAccess): { address: string; access: ChartAccess } {
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*@/i.test(address) || !URL.canParse(address)) return { address, access };
  const { username, password } = new URL(address);
  if (username === '' || password === '') return { address, access };
  return {
    address: address.replace(/:\/\/[^/?#]*@/, '://'),
    access: { username: decodeURIComponent(username), password: decodeURIComponent(password), ...access },
  };
}

/** Returns the login for an `oci://` address; undefined for others. */
export async function loginFor(
  address: string,
  findLogin: FindLogin | undefined,
): Promise<(RegistryLogin & { readonly host: string }) | undefined> {
  const oci = parseOciAddress(address);
  const login = oci && (await findLogin?.(oci.host, oci.path));
  return login && { ...login, host: oci.host };
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
    return isMapping(content) ? content : {};
  } catch {
    return {};
  }
}
