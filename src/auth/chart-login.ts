import type { FindLogin, RegistryLogin } from '../base/registry-login.ts';
import type { UserEnvironment } from './credential-files.ts';
import { environmentKeychain } from './environment-keychain.ts';
import { fileKeychain } from './file-keychain.ts';
import {
  type CommandLineLogin,
  type Credential,
  chainKeychains,
  commandLineKeychain,
  type Keychain,
  normalizeKey,
} from './keychain.ts';
import { describeLogin } from './refusal.ts';

/**
 * Creates a lookup of logins for charts that Helm pulls from OCI registries and would not find itself: those of the
 * command line, of variables, of the configuration file and of Podman's files. It returns undefined for others, as Helm reads
 * its own file and Docker's.
 * @param named registries that the user has named
 */
export function chartLogins(
  user: UserEnvironment,
  { login, configured }: { readonly login?: CommandLineLogin | undefined; readonly configured?: Keychain | undefined },
  named: readonly string[],
): FindLogin {
  const keychain = chainKeychains(
    ...(login === undefined ? [] : [commandLineKeychain(login)]),
    environmentKeychain(user.env, named),
    ...(configured === undefined ? [] : [configured]),
    fileKeychain({ ...user, beforeHelm: true }),
  );
  return async (registry, repositoryPath) => {
    const credential = await keychain.lookup(normalizeKey(registry), repositoryPath);
    return credential && { entry: authEntry(credential), description: describeLogin(registry, credential) };
  };
}

function authEntry(credential: Credential): RegistryLogin['entry'] {
  if (credential.kind === 'registry-token') return { registrytoken: credential.token };
  const { username = '' } = credential;
  const encode = (password: string): string => Buffer.from(`${username}:${password}`).toString('base64');
  if (credential.kind === 'basic') return { auth: encode(credential.password) };
  return { auth: encode(''), identitytoken: credential.token };
}
