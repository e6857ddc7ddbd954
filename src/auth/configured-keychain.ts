import type { Environment } from '../base/environment.ts';
import { AirgapError } from '../base/errors.ts';
import { registerSecret } from '../base/redact.ts';
import { type Credential, type Keychain, normalizeKey } from './keychain.ts';

/** Login of a configuration file, which names variables in place of secrets. */
export interface ConfiguredLogin {
  readonly registry: string;
  /** Text, or a variable. Absent for a bearer token. */
  readonly username?: string | VariableName | undefined;
  /** Variable with the password of that user, or with a bearer token. */
  readonly secret: VariableName;
}

/** Name of an environment variable. */
interface VariableName {
  readonly variable: string;
}

/**
 * Creates a keychain for the logins of a configuration file, each for its registry only. A variable is read when its registry asks
 * for a login: `lookup` throws AirgapError `config` if it is not set or empty, so that commands that need another registry alone
 * run without it.
 * @param source name of the configuration file, for messages
 */
export function configuredKeychain(logins: readonly ConfiguredLogin[], env: Environment, source: string): Keychain {
  for (const { secret } of logins) registerSecret(env[secret.variable] ?? '');
  const byHost = new Map(logins.map((login) => [normalizeKey(login.registry), login]));
  return {
    async lookup(host) {
      const login = byHost.get(normalizeKey(host));
      return login && credentialOf(login, env, source);
    },
    sources: (host) => (byHost.has(normalizeKey(host)) ? [`logins in ${source}`] : []),
  };
}

function credentialOf({ registry, username, secret }: ConfiguredLogin, env: Environment, source: string): Credential {
  const read = ({ variable }: VariableName): string => {
    const value = env[variable] ?? '';
    if (/\p{Cc}/u.test(value)) {
      // RFC 7617 does not allow them, and the header of a bearer token has no place for them.
      throw new AirgapError(
        'config',
        `${variable}, for ${registry} in ${source}, has a line break or control character`,
        {
          hint: 'a shell that sources a file with Windows line endings takes them as part of each value: convert the file',
        },
      );
    }
    if (value !== '') return value;
    const what = env[variable] === undefined ? 'is not set' : 'is empty';
    throw new AirgapError('config', `${variable}, which the login for ${registry} in ${source} needs, ${what}`, {
      hint: 'set it in the environment, for a file of variables with: set -a; . ./FILE; set +a',
    });
  };
  const text = read(secret);
  const from = `from ${secret.variable}, which ${source} names`;
  if (username === undefined) {
    return {
      kind: 'registry-token',
      token: text,
      source: from,
      remedy: `correct ${secret.variable}: a bearer token that ${registry} accepts as is; a personal access token is a password, with username`,
    };
  }
  const user = typeof username === 'string' ? username : read(username);
  if (user.includes(':') || /\p{Cc}/u.test(user)) {
    // The name is not printed: it may contain the password.
    throw new AirgapError('config', `the user name of the login for ${registry} in ${source} is not valid`, {
      hint: 'user names have no colon or control characters',
    });
  }
  return { kind: 'basic', username: user, password: text, source: from, remedy: `correct ${secret.variable}` };
}
