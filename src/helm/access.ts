import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SECRET_FILE, SECRET_FOLDER } from '../base/own-file.ts';
import { jsonText } from '../base/printable.ts';
import { writeRegistryLogins } from './registry-login.ts';

/** How a chart repository or registry is reached. */
export interface ChartAccess {
  readonly username?: string;
  readonly password?: string;
  /** Whether other hosts that the repository names get the credentials too. */
  readonly passCredentials?: boolean;
  /** TLS client certificate and its key, and authorities to trust (PEM files). */
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly caFile?: string;
  /** Whether an OCI registry speaks HTTP without TLS. */
  readonly plainHttp?: boolean;
}

/** Flags of Helm that hold no secret. Values follow an equals sign: one that begins with a dash is no flag then. */
export function accessArguments({ certFile, keyFile, caFile, plainHttp, passCredentials }: ChartAccess): string[] {
  const files = Object.entries({ '--cert-file': certFile, '--key-file': keyFile, '--ca-file': caFile });
  return [
    ...files.flatMap(([flag, file]) => (file === undefined ? [] : [`${flag}=${file}`])),
    ...(passCredentials ? ['--pass-credentials'] : []),
    ...(plainHttp ? ['--plain-http'] : []),
  ];
}

/** Name of the repository in the configuration that is made here. */
export const REPOSITORY = 'airgap';

/**
 * Arguments of a process can be read by everybody on the machine (`ps`), so credentials go into files that Helm is
 * pointed at by its environment: of a registry's login for OCI, of a repository otherwise.
 * @param folder for these files; it is made, for the user alone
 * @param url the repository, or the host of an archive with its scheme, or `oci://…`
 * @param archives addresses of single archives, which have to stand in an index for Helm to send credentials there
 * @returns variables for Helm
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
    ...{ name: REPOSITORY, url, username, password, pass_credentials_all: access.passCredentials ?? false },
    ...{ certFile: access.certFile ?? '', keyFile: access.keyFile ?? '', caFile: access.caFile ?? '' },
  };
  await write('repositories.yaml', { apiVersion: '', repositories: [entry] });
  if (archives.length > 0) {
    const entries = { [REPOSITORY]: [{ apiVersion: 'v2', name: REPOSITORY, version: '0.0.0', urls: archives }] };
    await write(`${REPOSITORY}-index.yaml`, { apiVersion: 'v1', entries });
  }
  return { HELM_REPOSITORY_CONFIG: join(folder, 'repositories.yaml'), HELM_REPOSITORY_CACHE: folder };
}

/** An address without the user information in it, and that as credentials. Those that are given count more. */
export function withoutUserInfo(address: string, access: ChartAccess): { address: string; access: ChartAccess } {
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*@/i.test(address) || !URL.canParse(address)) return { address, access };
  const { username, password } = new URL(address);
  if (username === '' || password === '') return { address, access };
  return {
    address: address.replace(/:\/\/[^/?#]*@/, '://'),
    access: { username: decodeURIComponent(username), password: decodeURIComponent(password), ...access },
  };
}
