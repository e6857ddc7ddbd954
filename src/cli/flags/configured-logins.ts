import type { ConfiguredLogin } from '../../auth/configured-keychain.ts';
import type { Keychain } from '../../auth/keychain.ts';
import type { Environment } from '../../base/environment.ts';
import { AirgapError } from '../../base/errors.ts';
import type { Config } from '../config/schema.ts';

/**
 * Returns the keychain of `logins` in a configuration file.
 * @param variables from `--var`, for names of users; secrets are in the environment only
 * @throws AirgapError `usage` if `--var` has a secret
 */
export async function configuredLogins(
  { logins }: Pick<Config, 'logins'>,
  path: string,
  variables: ReadonlyMap<string, string>,
  env: Environment,
): Promise<Keychain> {
  const { configuredKeychain } = await import('../../auth/configured-keychain.ts');
  return configuredKeychain(
    logins.map((login) => configuredLogin(login, variables)),
    env,
    path,
  );
}

function configuredLogin(
  { registry, username, password, token }: Config['logins'][number],
  variables: ReadonlyMap<string, string>,
): ConfiguredLogin {
  const variable = variableOf(password ?? token ?? '') ?? '';
  if (variables.has(variable)) {
    throw new AirgapError('usage', `--var ${variable}=... has the secret of the login for ${registry}`, {
      hint: `set ${variable} in the environment: every user of a host can read the arguments of its processes`,
    });
  }
  const user = username === undefined ? undefined : variableOf(username);
  const known = user === undefined ? username : variables.get(user);
  return { registry, secret: { variable }, username: known ?? (user === undefined ? undefined : { variable: user }) };
}

/** Returns the name in `${NAME}`; undefined for any other text. */
function variableOf(text: string): string | undefined {
  return /^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$/.exec(text)?.[1];
}
