import { normaliseKey } from './auth-file.ts';
import type { Keychain } from './keychain.ts';

/** Login for one registry, from the command line and standard input. */
export interface GivenLogin {
  readonly registry: string;
  readonly username: string;
  readonly password: string;
}

/** Flag with the user name. */
const LOGIN_FLAG = '--registry-username';

/** Creates a keychain with the login of the command line, for its registry only. */
export function givenKeychain({ registry, username, password }: GivenLogin): Keychain {
  const remedy = `check the user name of ${LOGIN_FLAG} and the password on standard input`;
  return {
    async lookup(asked) {
      if (normaliseKey(asked) !== normaliseKey(registry)) return undefined;
      return { kind: 'basic', username, password, source: `from ${LOGIN_FLAG}`, remedy };
    },
    sources: () => [`${LOGIN_FLAG} (for ${registry})`],
  };
}
