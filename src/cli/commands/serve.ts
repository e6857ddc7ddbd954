import { Command } from '@commander-js/extra-typings';
import { AirgapError } from '../../base/errors.ts';
import { reasonOf } from '../../base/file-failure.ts';
import { isName } from '../../base/names.ts';
import { trimTrailing } from '../../base/text-trim.ts';
import type { Target } from '../../naming/naming.ts';
import type { ListenAddress } from '../../serve/listen-address.ts';
import type { ServerCertificate } from '../../serve/server.ts';
import type { ServeOptions } from '../../workflows/serve/serve.ts';
import { addConfigFlags } from '../flags/charts.ts';
import { CONNECTION_ONLY, readConfiguration } from '../flags/configuration.ts';
import type { FlagsOf } from '../flags/option.ts';
import { formatDocument, outputOption, printReport } from '../flags/output.ts';
import { UPLOAD_CONCURRENCY } from '../flags/registry.ts';
import { requiredSigners, requireSignatureOption } from '../flags/signatures.ts';
import { addNamingFlags, targetOf } from '../flags/target.ts';
import { examples } from '../help.ts';
import { serveReport } from '../reports/serve.ts';
import type { CommandIO } from '../run.ts';
import { afterServe } from './after-serve.ts';
import { withLog } from './log-file.ts';

/** Declares the command and its flags. */
function declare() {
  const serving = new Command('serve')
    .argument('<file...>', 'bundles, or OCI archives of other tools')
    .option('--listen <address:port>', 'address and port to listen on; port 0 is a free one', '127.0.0.1:5000')
    .option('--prefix <path>', 'path before all repositories, as in push --to REGISTRY/PATH')
    .option('--as <name>', 'repository to assume for images that the archive identifies only by tag')
    .option('--log-file <file>', 'append each request to a log, one JSON object per line')
    .addOption(outputOption(['text', 'json'], 'text'))
    .addOption(requireSignatureOption());
  const command = addConfigFlags(serving, 'read naming from this airgap.yaml')
    .optionsGroup('Registries and TLS:')
    .option('--tls-cert <file>', 'serve HTTPS with this certificate chain, PEM')
    .option('--tls-key <file>', 'key of the certificate, PEM')
    .option('--htpasswd <file>', 'require a login of this file, which htpasswd -B writes')
    .option('--plain-http', 'serve HTTP also on addresses that other hosts reach')
    .addHelpText(
      'after',
      examples(
        'serve app.tar',
        'serve app.tar --listen [::]:443 --tls-cert c.pem --tls-key k.pem',
        'serve base.tar delta.tar --prefix mirror --htpasswd users',
      ),
    );
  return addNamingFlags(command);
}

type Flags = FlagsOf<typeof declare>;

export function serveCommand(io: CommandIO) {
  return declare().action(async (files, flags) => {
    const options = await serveOptions(io, files, flags);
    const { serve, DRAIN_TIME } = await import('../../workflows/serve/serve.ts');
    io.endOnInterrupt(DRAIN_TIME);
    const { helmEnded } = await import('../parent-watch.ts');
    const signals = [io.context.signal ?? [], helmEnded(io.context.env)].flat();
    await withLog({ ...io.context, signal: AbortSignal.any(signals) }, flags.logFile, (context) =>
      serve(context, options, async (serving) => {
        if (flags.output === 'json') io.publish(await formatDocument('Serving', serving, 'json'));
        else await printReport(io, serveReport(serving), afterServe(files, options.target, serving));
      }),
    );
  });
}

/** Maps the flags to the options of the workflow. @throws AirgapError `usage`, `config`, `file`, `listen` */
async function serveOptions(io: CommandIO, files: readonly string[], flags: Flags): Promise<ServeOptions> {
  const { parseListenAddress, resolveHost } = await import('../../serve/listen-address.ts');
  const listen = parseListenAddress(flags.listen);
  const tls = await certificateOf(flags);
  const { address, isLoopback } = await resolveHost(listen.host);
  if (!isLoopback && tls === undefined && !flags.plainHttp) {
    throw new AirgapError(
      'usage',
      `--listen ${flags.listen} can be reached by other hosts, and no certificate is given`,
      {
        hint: 'add --tls-cert and --tls-key, or --plain-http if the network is trusted',
      },
    );
  }
  const { config } = await readConfiguration(io.context, { config: flags.config, var: flags.var }, CONNECTION_ONLY);
  return {
    files,
    target: await namesOf(listen, flags, config),
    listen: { host: address, port: listen.port },
    tls,
    logins: await loginsOf(flags.htpasswd),
    concurrency: UPLOAD_CONCURRENCY,
    as: await assumedName(flags.as),
    ...(await requiredSigners(flags)),
  };
}

/** Returns the naming, as a push to the address has it. @throws AirgapError `usage`, `config` */
async function namesOf(
  { host, port }: ListenAddress,
  flags: Flags,
  config: Parameters<typeof targetOf>[2],
): Promise<Target> {
  const prefix = trimTrailing(flags.prefix ?? '', '/');
  if (prefix !== '' && !isName('repository', prefix)) {
    throw new AirgapError('usage', `--prefix ${prefix} is not a valid repository path`, {
      hint: 'write lower-case letters and digits without a leading slash, as in mirror',
    });
  }
  // Names below the registry are the same for each registry; an IPv6 address would not be a legal one in references.
  const registry = host.includes(':') ? `localhost:${port}` : `${host}:${port}`;
  return targetOf([registry, ...(prefix === '' ? [] : [prefix])].join('/'), flags, config).catch((error: unknown) => {
    if (prefix !== '' || !(error instanceof AirgapError) || !error.reason.includes('needs a repository')) throw error;
    throw new AirgapError('usage', error.reason, { hint: 'add --prefix REPOSITORY' });
  });
}

/** @throws AirgapError `usage` for a pair that is incomplete or does not fit; `file` */
async function certificateOf({ tlsCert, tlsKey, plainHttp }: Flags): Promise<ServerCertificate | undefined> {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    const [given, missing] = tlsCert === undefined ? ['--tls-key', '--tls-cert'] : ['--tls-cert', '--tls-key'];
    throw new AirgapError('usage', `${given} is given without ${missing}`, { hint: `add ${missing} FILE` });
  }
  if (plainHttp) {
    throw new AirgapError('usage', '--plain-http cannot be used with --tls-cert', { hint: 'leave one of them out' });
  }
  const pair = { cert: await readText('--tls-cert', tlsCert), key: await readText('--tls-key', tlsKey) };
  const { createSecureContext } = await import('node:tls');
  try {
    createSecureContext(pair);
  } catch (cause) {
    throw new AirgapError('usage', `${tlsCert} and ${tlsKey} are not a certificate and its key: ${reasonOf(cause)}`, {
      hint: 'give PEM files; the key must belong to the first certificate and have no passphrase',
      cause,
    });
  }
  return pair;
}

/** @throws AirgapError `usage`, `file` */
async function loginsOf(file: string | undefined): Promise<ServeOptions['logins']> {
  if (file === undefined) return undefined;
  const { Logins, parseHtpasswd } = await import('../../serve/htpasswd.ts');
  return new Logins(parseHtpasswd(await readText('--htpasswd', file), file));
}

async function assumedName(text: string | undefined): Promise<ServeOptions['as']> {
  if (text === undefined) return undefined;
  const { parseAssumedName } = await import('../flags/assumed-name.ts');
  return parseAssumedName(text);
}

async function readText(flag: string, file: string): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new AirgapError('file', `${flag} ${file} cannot be read: ${reasonOf(cause)}`, { cause });
  });
}
