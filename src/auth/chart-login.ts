import { normaliseKey } from './auth-file.ts';
import type { Credential } from './credential.ts';
import type { UserEnvironment } from './credential-files.ts';
import { fileKeychain } from './file-keychain.ts';
import { type GivenLogin, givenKeychain } from './given-login.ts';
import { chainKeychains } from './keychain.ts';
import { describeLogin } from './refusal.ts';
import { variableKeychain } from './variable-keychain.ts';

/** A login for one registry, to be handed on. */
export interface ChartLogin {
  /** Entry of `auths` in a credentials file: a secret. */
  readonly entry: Readonly<Record<string, string>>;
  /** Names its source and its user, for messages. */
  readonly description: string;
}

/**
 * Finds logins for charts that Helm pulls from OCI registries, where Helm would not find them by itself: the one of the
 * command line, those of variables and of Podman's files. Undefined for the rest: Helm reads its own file and Docker's.
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
