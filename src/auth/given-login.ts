import { normaliseKey } from './auth-file.ts';
import type { Keychain } from './keychain.ts';

/** The login of one registry that was given on the command line and on standard input. */
export interface GivenLogin {
  readonly registry: string;
  readonly username: string;
  readonly password: string;
}

/** Flag that names the registry and the user. */
const LOGIN_FLAG = '--registry-username';

/** The login that was given, for its registry alone. */
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
