import { normalizeKey } from './auth-file.ts';
import type { Keychain } from './keychain.ts';

/** Login for one registry, from the command line and standard input. */
export interface CommandLineLogin {
  readonly registry: string;
  readonly username: string;
  readonly password: string;
}

/** Flag with the user name. */
const LOGIN_FLAG = '--registry-username';

/** Creates a keychain with the login of the command line, for its registry only. */
export function commandLineKeychain({ registry, username, password }: CommandLineLogin): Keychain {
  const remedy = `check the user name of ${LOGIN_FLAG} and the password on standard input`;
  return {
    async lookup(host) {
      if (normalizeKey(host) !== normalizeKey(registry)) return undefined;
      return { kind: 'basic', username, password, source: `from ${LOGIN_FLAG}`, remedy };
    },
    sources: () => [`${LOGIN_FLAG} (for ${registry})`],
  };
}
