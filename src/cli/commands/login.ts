import { Command, Option } from '@commander-js/extra-typings';
import { canonicalHubName } from '../../base/docker-hub.ts';
import { AirgapError } from '../../base/errors.ts';
import { checkName, isName } from '../../base/names.ts';
import { quoted } from '../../base/printable.ts';
import { registerSecret } from '../../base/redact.ts';
import type { GivenLogin } from '../../workflows/login/find-login.ts';
import type { LoginTarget } from '../../workflows/login/login.ts';
import { addConfigFlags } from '../flags/charts.ts';
import { CONNECTION_ONLY, readConfiguration } from '../flags/configuration.ts';
import { declaredHosts } from '../flags/ecr.ts';
import { checkUsername, readPassword } from '../flags/login.ts';
import type { FlagsOf } from '../flags/option.ts';
import { formatDocument, outputOption, printReport } from '../flags/output.ts';
import { addAwsFlags, addTrustFlags, registryAccess } from '../flags/registry.ts';
import { registryTypeOption } from '../flags/target.ts';
import { examples } from '../help.ts';
import { loginReport, pullSecretNotes } from '../reports/login.ts';
import type { CommandIO } from '../run.ts';

/** Declares the command and its flags. */
function declare() {
  const command = addConfigFlags(
    new Command('login')
      .argument('<registry>', 'registry: HOST[:PORT]')
      .option('--username <name>', 'user; asked for in a terminal')
      .option('--password-stdin', 'read the password from standard input; asked for in a terminal')
      .addOption(
        new Option('--only <program>', "write the file of one program (default: Helm's and Docker's)").choices([
          'helm',
          'docker',
        ]),
      )
      .option('--print-secret <name>', 'print the login as a pull secret of Kubernetes instead, and store nothing'),
    'read logins, plainHttp, caFile and clientCertificates from this airgap.yaml',
  )
    .addOption(outputOption(['text', 'json'], 'text'))
    .addHelpText(
      'after',
      examples(
        'login registry.example --username robot --password-stdin < token',
        'login 123456789012.dkr.ecr.eu-central-1.amazonaws.com',
        'login registry.example --print-secret regcred > regcred.yaml',
      ),
    );
  const trusting = addTrustFlags(
    command.optionsGroup('Registries and TLS:'),
    'trust these certificate authorities in addition to those of the system, PEM',
  );
  return addAwsFlags(trusting).addOption(registryTypeOption());
}

type Flags = FlagsOf<typeof declare>;

export function loginCommand(io: CommandIO) {
  return declare().action(async (target, flags) => {
    const { context } = io;
    const registry = registryOf(target);
    checkFlags(flags);
    const { registry: settings } = await readConfiguration(context, flags, CONNECTION_ONLY);
    const ecrHosts = await declaredHosts([registry], flags, context.env);
    const { access } = await registryAccess({ ...settings, mirrors: [], named: [registry] });
    const { ecrKind } = await import('../../ecr/hosts.ts');
    const isFound = ecrKind(registry, ecrHosts) !== undefined || flags.printSecret !== undefined;
    const given = flags.username === undefined && isFound ? undefined : await readLogin(io, registry, flags);
    const options: LoginTarget = { registry, access: { ...access, ecrHosts }, given };
    if (flags.printSecret === undefined) await storeLogin(io, options, flags);
    else await printSecret(io, options, flags.printSecret);
  });
}

async function storeLogin(io: CommandIO, options: LoginTarget, { only, output }: Flags): Promise<void> {
  const { login } = await import('../../workflows/login/login.ts');
  const result = await login(io.context, { ...options, only });
  if (output === 'json') io.print(await formatDocument('Login', result, 'json'));
  else await printReport(io, loginReport(result, io.context.cwd));
}

async function printSecret(io: CommandIO, options: LoginTarget, name: string): Promise<void> {
  const { pullSecret } = await import('../../workflows/login/login.ts');
  const { HELM_NAMESPACE } = io.context.env;
  // Helm always sets it. A manifest with `default` could not be applied to another namespace by kubectl -n.
  const namespace = !HELM_NAMESPACE || HELM_NAMESPACE === 'default' ? undefined : HELM_NAMESPACE;
  if (namespace !== undefined) checkName('namespace', namespace, '--namespace', 'usage');
  const result = await pullSecret(io.context, { ...options, name, namespace });
  io.print(result.manifest);
  await printReport(io, pullSecretNotes(result));
}

/** Returns the registry of `HOST[:PORT]`; what follows it in a target of other commands is ignored. @throws AirgapError `usage` */
function registryOf(target: string): string {
  const [host = '', ...path] = target.replace(/^oci:\/\//, '').split('/');
  const rest = path.join('/').replace(/\/$/, '');
  if (!isName('registry', host) || (rest !== '' && !isName('repository', rest))) {
    throw new AirgapError('usage', `${quoted(target)} is not a registry`, {
      hint: 'write HOST or HOST:PORT, such as registry.example:5000',
    });
  }
  return canonicalHubName(host.toLowerCase());
}

/** @throws AirgapError `usage` */
function checkFlags({ printSecret, only, output, username, passwordStdin }: Flags): void {
  if (printSecret !== undefined) {
    checkName('object name', printSecret, '--print-secret', 'usage');
    const flag = only === undefined ? undefined : '--only';
    const other = flag ?? (output === 'json' ? '-o json' : undefined);
    if (other !== undefined) {
      throw new AirgapError(
        'usage',
        `--print-secret prints a manifest and stores nothing, so ${other} has no meaning`,
        {
          hint: `leave ${other} out`,
        },
      );
    }
  }
  if (username !== undefined) checkUsername(username, '--username');
  if (passwordStdin && username === undefined) {
    throw new AirgapError('usage', '--password-stdin needs --username', {
      hint: 'example: --username robot --password-stdin < token',
    });
  }
}

/** Reads the login of the command line, and asks for what is missing. @throws AirgapError `usage` if that is impossible */
async function readLogin(io: CommandIO, registry: string, flags: Flags): Promise<GivenLogin> {
  const username = flags.username ?? (await askFor(io, `User name for ${registry}: `));
  checkUsername(username, 'the user name');
  if (flags.passwordStdin) return { username, password: await readPassword(io, registry, '--password-stdin') };
  const password = await askFor(io, `Password of ${username}: `, true);
  registerSecret(password);
  if (password !== '' && !/\p{Cc}/u.test(password)) return { username, password };
  throw new AirgapError('usage', `no password was given for ${registry}`, {
    hint: 'type it, or pipe it in with --password-stdin',
  });
}

async function askFor(io: CommandIO, question: string, isHidden = false): Promise<string> {
  const answer = await io.ask(question, isHidden);
  if (answer !== undefined) return answer;
  throw new AirgapError('usage', 'a user and a password are needed, and there is no terminal to ask for them', {
    hint: 'give --username NAME --password-stdin, and pipe the password in',
  });
}
