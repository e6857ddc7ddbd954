import { normalizeKey } from './auth-file.ts';
import { type CommandLineLogin, commandLineKeychain } from './command-line-login.ts';
import type { Credential } from './credential.ts';
import type { UserEnvironment } from './credential-files.ts';
import { environmentKeychain } from './environment-keychain.ts';
import { fileKeychain } from './file-keychain.ts';
import { chainKeychains } from './keychain.ts';
import { describeLogin } from './refusal.ts';

/** Login for one registry, to be passed to Helm. */
export interface ChartLogin {
  /** Entry of `auths` in a credentials file: a secret. */
  readonly entry: Readonly<Record<string, string>>;
  /** Its source and user, for messages. */
  readonly description: string;
}

/**
 * Creates a lookup of logins for charts that Helm pulls from OCI registries and would not find itself: those of the
 * command line, of variables and of Podman's files. It returns undefined for others, as Helm reads its own file and
 * Docker's.
 * @param named registries that the user has named
 */
export function chartLogins(
  user: UserEnvironment,
  login: CommandLineLogin | undefined,
  named: readonly string[],
): (registry: string, repositoryPath: string) => Promise<ChartLogin | undefined> {
  const keychain = chainKeychains(
    ...(login === undefined ? [] : [commandLineKeychain(login)]),
    environmentKeychain(user.env, named),
    fileKeychain({ ...user, beforeHelm: true }),
  );
  return async (registry, repositoryPath) => {
    const credential = await keychain.lookup(normalizeKey(registry), repositoryPath);
    return credential && { entry: authEntry(credential), description: describeLogin(registry, credential) };
  };
}

function authEntry(credential: Credential): ChartLogin['entry'] {
  if (credential.kind === 'registry-token') return { registrytoken: credential.token };
  const { username = '' } = credential;
  const encode = (password: string): string => Buffer.from(`${username}:${password}`).toString('base64');
  if (credential.kind === 'basic') return { auth: encode(credential.password) };
  return { auth: encode(''), identitytoken: credential.token };
}
