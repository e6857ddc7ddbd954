import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SECRET_FILE, SECRET_FOLDER } from '../base/own-file.ts';
import { jsonText } from '../base/printable.ts';
import { writeRegistryLogins } from './registry-login.ts';

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
  const host = /^oci:\/\/([^/]+)/.exec(url)?.[1];
  if (host !== undefined) {
    const entry = { auth: Buffer.from(`${username}:${password}`).toString('base64') };
    return writeRegistryLogins(folder, [{ host, entry }]);
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
