import { type Command, Option } from 'commander';
import { userEnvironment } from '../../auth/credential-files.ts';
import type { GivenLogin } from '../../auth/given-login.ts';
import { AirgapError } from '../../base/errors.ts';
import { checkName } from '../../base/names.ts';
import { quoted } from '../../base/printable.ts';
import { keepSecret } from '../../base/redact.ts';
import type { ChartSources } from '../../helm/chart-mirrors.ts';
import type { Edge } from '../run.ts';
import { repeat } from './repeat.ts';

/** The login of one registry, whose password comes on standard input. */
export interface LoginFlags {
  registryUsername?: string[];
  registryPasswordStdin?: true;
  /** Both together, with the password: made before the command begins. */
  registryLogin?: GivenLogin;
}

/** Characters of a password; tokens of clouds take a few thousand. */
const LIMIT = 64 * 1024;

/** Adds the flags, and reads standard input before the command begins when they ask for it. */
export function addLoginFlags(edge: Edge, command: Command): Command {
  return command
    .addOption(
      new Option('--registry-username <host=name>', 'user of one registry, with --registry-password-stdin')
        .argParser(repeat)
        .default([], ''),
    )
    .option('--registry-password-stdin', 'read the password of --registry-username from standard input')
    .hook('preAction', async (_, action) => {
      const login = await readLogin(edge, action.opts<LoginFlags>());
      if (login !== undefined) action.setOptionValue('registryLogin', login);
    });
}

/** @throws AirgapError `usage` */
async function readLogin(edge: Edge, flags: LoginFlags): Promise<GivenLogin | undefined> {
  const { registryUsername = [], registryPasswordStdin = false } = flags;
  const [text, second] = registryUsername;
  if (text === undefined) {
    if (!registryPasswordStdin) return undefined;
    throw new AirgapError('usage', '--registry-password-stdin does not say for which registry and user', {
      hint: 'as in --registry-username registry.example=robot --registry-password-stdin < token',
    });
  }
  const login = parseUsername(text);
  if (second !== undefined) {
    const other = parseUsername(second).registry;
    const what = other === login.registry ? `names ${other} twice` : `names ${login.registry} and ${other}`;
    throw new AirgapError('usage', `--registry-username ${what}, and standard input has one password`, {
      hint: 'give the others in AIRGAP_AUTH_<HOST>_USERNAME and AIRGAP_AUTH_<HOST>_PASSWORD, or log in with helm registry login',
    });
  }
  if (!registryPasswordStdin) {
    throw new AirgapError('usage', `--registry-username ${login.registry}=… has no password`, {
      hint: 'add --registry-password-stdin, and pipe the password in; nobody is asked for it',
    });
  }
  return { ...login, password: await readPassword(edge, login.registry) };
}

function parseUsername(text: string): Omit<GivenLogin, 'password'> {
  const at = text.indexOf('=');
  const username = text.slice(at + 1);
  if (at < 1 || username === '') {
    throw new AirgapError('usage', `--registry-username ${quoted(text)} is not HOST=NAME`, {
      hint: 'as in --registry-username registry.example:5000=robot',
    });
  }
  // RFC 7617: it would end at the colon.
  if (username.includes(':') || /\p{Cc}/u.test(username)) {
    throw new AirgapError('usage', `--registry-username: ${quoted(username)} is no user name`, {
      hint: 'a user name has no colon and no control characters; the password comes on standard input',
    });
  }
  return { registry: checkName('registry', text.slice(0, at), '--registry-username', 'usage'), username };
}

async function readPassword(edge: Edge, registry: string): Promise<string> {
  const bytes = await edge.input().catch((cause: unknown) => {
    if (!(cause instanceof AirgapError)) throw cause;
    throw new AirgapError(
      'usage',
      `--registry-password-stdin: there is no password for ${registry} on standard input`,
      {
        hint: 'pipe it in, as in --registry-password-stdin < token; nobody is asked for it',
        cause,
      },
    );
  });
  const text = bytes.length > LIMIT ? '' : Buffer.from(bytes).toString('utf8');
  // What echo and editors put behind it, as docker login does.
  const password = text.replace(/\r?\n$/, '');
  keepSecret(password);
  if (password !== '' && !/\p{Cc}/u.test(password)) return password;
  const what =
    bytes.length > LIMIT ? `more than ${LIMIT / 1024} kB` : password === '' ? 'nothing' : 'more than one line';
  throw new AirgapError('usage', `--registry-password-stdin: standard input has ${what} for ${registry}`, {
    hint: 'the password alone, on one line',
  });
}

/** For charts that Helm pulls from OCI registries: the login given here, those of variables and of Podman's files. */
export function chartLogin(
  { context: { env } }: Pick<Edge, 'context'>,
  { registryLogin }: LoginFlags,
  named: readonly string[],
): NonNullable<ChartSources['login']> {
  let logins: Promise<NonNullable<ChartSources['login']>> | undefined;
  return async (registry, path) => {
    logins ??= import('../../auth/chart-login.ts').then(({ chartLogins }) =>
      chartLogins(userEnvironment(env), registryLogin, named),
    );
    return (await logins)(registry, path);
  };
}
