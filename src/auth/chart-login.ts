import { normaliseKey } from './auth-file.ts';
import type { Credential } from './credential.ts';
import type { UserEnvironment } from './credential-files.ts';
import { fileKeychain } from './file-keychain.ts';
import { type GivenLogin, givenKeychain } from './given-login.ts';
import { chainKeychains } from './keychain.ts';
import { describeLogin } from './refusal.ts';
import { variableKeychain } from './variable-keychain.ts';

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
  login: GivenLogin | undefined,
  named: readonly string[],
): (registry: string, repositoryPath: string) => Promise<ChartLogin | undefined> {
  const keychain = chainKeychains(
    ...(login === undefined ? [] : [givenKeychain(login)]),
    variableKeychain(user.env, named),
    fileKeychain({ ...user, beforeHelm: true }),
  );
  return async (registry, repositoryPath) => {
    const credential = await keychain.lookup(normaliseKey(registry), repositoryPath);
    return credential && { entry: entryOf(credential), description: describeLogin(registry, credential) };
  };
}

function entryOf(credential: Credential): ChartLogin['entry'] {
  if (credential.kind === 'registry-token') return { registrytoken: credential.token };
  const { username = '' } = credential;
  const encode = (password: string): string => Buffer.from(`${username}:${password}`).toString('base64');
  if (credential.kind === 'basic') return { auth: encode(credential.password) };
  return { auth: encode(''), identitytoken: credential.token };
}
