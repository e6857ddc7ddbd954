import { Option } from '@commander-js/extra-typings';
import { userEnvironment } from '../../auth/credential-files.ts';
import type { CommandLineLogin, Keychain } from '../../auth/keychain.ts';
import type { Environment } from '../../base/environment.ts';
import { AirgapError } from '../../base/errors.ts';
import { checkName } from '../../base/names.ts';
import { quoted } from '../../base/printable.ts';
import { registerSecret } from '../../base/redact.ts';
import type { FindLogin } from '../../base/registry-login.ts';
import type { CommandIO } from '../run.ts';
import { collect, type FlagsOf, flagGroup, parseAssignment } from './option.ts';

/** Login for one registry, with the password from standard input, read before the command runs. */
export interface ReadLogin {
  readonly registryLogin?: CommandLineLogin;
}

/** Maximum size of a password in bytes; cloud tokens take a few thousand. */
const PASSWORD_LIMIT = 64 * 1024;

/** Adds the flags, and reads the password before the command runs. */
export const addLoginFlags = flagGroup((command, io: CommandIO) =>
  command
    .addOption(
      new Option('--registry-username <host=name>', 'user for one registry, with --registry-password-stdin')
        .argParser(collect)
        .default<string[]>([], ''),
    )
    .option('--registry-password-stdin', 'read the password of that user from standard input')
    .hook('preAction', async (_, action) => {
      const login = await readLogin(io, action.opts() as FlagsOf<typeof addLoginFlags>);
      if (login !== undefined) action.setOptionValue('registryLogin', login);
    }),
);

/** @throws AirgapError `usage` */
async function readLogin(io: CommandIO, flags: FlagsOf<typeof addLoginFlags>): Promise<CommandLineLogin | undefined> {
  const { registryUsername, registryPasswordStdin } = flags;
  const [text, second] = registryUsername;
  if (text === undefined) {
    if (!registryPasswordStdin) return undefined;
    throw new AirgapError(
      'usage',
      '--registry-password-stdin needs --registry-username, which names the registry and user',
      {
        hint: 'example: --registry-username registry.example=robot --registry-password-stdin < token',
      },
    );
  }
  const login = parseUsername(text);
  if (second !== undefined) {
    const other = parseUsername(second).registry;
    const what = other === login.registry ? `names ${other} twice` : `names ${login.registry} and ${other}`;
    throw new AirgapError('usage', `--registry-username ${what}, and standard input has one password`, {
      hint: 'give the others in AIRGAP_AUTH_<HOST>_USERNAME and AIRGAP_AUTH_<HOST>_PASSWORD, or log in with helm airgap login',
    });
  }
  if (!registryPasswordStdin) {
    throw new AirgapError('usage', `--registry-username ${login.registry}=... has no password`, {
      hint: 'add --registry-password-stdin, and pipe the password in',
    });
  }
  return { ...login, password: await readPassword(io, login.registry, '--registry-password-stdin') };
}

function parseUsername(text: string): Omit<CommandLineLogin, 'password'> {
  const form = { form: 'HOST=NAME', example: 'registry.example:5000=robot' };
  const [host, username] = parseAssignment('--registry-username', text, form, quoted(text));
  checkUsername(username, `--registry-username ${quoted(host)}=...`);
  return { registry: checkName('registry', host, '--registry-username', 'usage'), username };
}

/** @param where origin of the name, for the message @throws AirgapError `usage` */
export function checkUsername(username: string, where: string): void {
  // RFC 7617: a user name ends at the first colon.
  if (username !== '' && !username.includes(':') && !/\p{Cc}/u.test(username)) return;
  // The name is not printed: it may contain the password.
  throw new AirgapError('usage', `${where}: not a valid user name`, {
    hint: 'user names have no colon or control characters; the password is read from standard input',
  });
}

/** Reads a password from standard input. @throws AirgapError `usage` */
export async function readPassword(io: CommandIO, registry: string, flag: string): Promise<string> {
  const bytes = await io.readInput().catch((cause: unknown) => {
    if (!(cause instanceof AirgapError)) throw cause;
    throw new AirgapError('usage', `${flag}: no password for ${registry} on standard input`, {
      hint: `pipe it in: ${flag} < token`,
      cause,
    });
  });
  const text = bytes.length > PASSWORD_LIMIT ? '' : Buffer.from(bytes).toString('utf8');
  // Like docker login, removes the newline that echo and editors append.
  const password = text.replace(/\r?\n$/, '');
  registerSecret(password);
  if (password !== '' && !/\p{Cc}/u.test(password)) return password;
  const what =
    bytes.length > PASSWORD_LIMIT
      ? `more than ${PASSWORD_LIMIT / 1024} kB`
      : password === ''
        ? 'nothing'
        : 'more than one line';
  throw new AirgapError('usage', `${flag}: standard input has ${what} for ${registry}`, {
    hint: 'give the password only, on one line',
  });
}

/**
 * Returns the login lookup for charts in OCI registries: the login of the flags, of variables, of the configuration file and of
 * Podman's files.
 */
export function chartLogin(
  env: Environment,
  given: { readonly login?: CommandLineLogin | undefined; readonly configured?: Keychain | undefined },
  namedHosts: readonly string[],
): FindLogin {
  let logins: Promise<FindLogin> | undefined;
  return async (registry, path) => {
    logins ??= import('../../auth/chart-login.ts').then(({ chartLogins }) =>
      chartLogins(userEnvironment(env), given, namedHosts),
    );
    return (await logins)(registry, path);
  };
}
