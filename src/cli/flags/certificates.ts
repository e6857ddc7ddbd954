import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import { isName } from '../../base/names.ts';
import type { ChartSources } from '../../helm/chart-mirrors.ts';
import type { ClientCertificate } from '../../http/client-certificate.ts';
import type { Config } from '../config/schema.ts';
import { collect } from './collect.ts';

/** Flags that name client certificates by host. */
export interface CertificateFlags {
  clientCert?: string[];
  clientKey?: string[];
}

export function addCertificateFlags(command: Command): Command {
  const repeatable = (flags: string, description: string): Option =>
    new Option(flags, `${description} (repeatable)`).argParser(collect).default([], '');
  return command
    .addOption(repeatable('--client-cert <host=file>', 'client certificate for a registry or chart host, PEM'))
    .addOption(repeatable('--client-key <host=file>', 'private key of that certificate, PEM, if in another file'));
}

/**
 * Returns the client certificates of the command line and of the configuration file. The command line takes precedence.
 * @param cwd base of relative paths on the command line
 * @param folder base of relative paths in the configuration file
 * @throws AirgapError `usage`, `config`
 */
export function clientCertificatesOf(
  { clientCert = [], clientKey = [] }: CertificateFlags,
  cwd: string,
  { clientCertificates = {} }: Partial<Pick<Config, 'clientCertificates'>> = {},
  folder = cwd,
): ClientCertificate[] {
  const certs = filesByHost('--client-cert', clientCert);
  const keys = filesByHost('--client-key', clientKey);
  for (const [host, file] of keys) {
    if (certs.has(host)) continue;
    throw new AirgapError('usage', `--client-key ${host}=${file}: no certificate for ${host}`, {
      hint: `add --client-cert ${host}=FILE`,
    });
  }
  const given = [...certs].map(([host, file]) => clientCertificate(host, file, keys.get(host), cwd));
  const hosts = new Set<string>();
  const configured = Object.entries(clientCertificates).map(([name, { cert, key }]) => {
    const host = parseHost(name, 'clientCertificates', 'config');
    if (hosts.has(host)) throw new AirgapError('config', `clientCertificates names ${host} twice`);
    hosts.add(host);
    return clientCertificate(host, cert, key, folder);
  });
  return [...given, ...configured.filter(({ host }) => !certs.has(host))];
}

/** Returns the lookup of certificate and key files for Helm, by chart host: those given, and those of certs.d. */
export function helmCertificates(
  clientCertificates: readonly ClientCertificate[],
  env: Readonly<Record<string, string | undefined>>,
): NonNullable<ChartSources['certificates']> {
  let read: Promise<NonNullable<ChartSources['certificates']>> | undefined;
  return async (host) => {
    read ??= import('../../http/host-certificates.ts').then(({ systemCertificates }) => {
      const certificatesOf = systemCertificates(clientCertificates, env);
      return async (hostName) => certificatesOf(hostName)?.files;
    });
    return (await read)(host);
  };
}

function clientCertificate(host: string, cert: string, key: string | undefined, folder: string): ClientCertificate {
  return { host, certFile: resolve(folder, cert), ...(key === undefined ? {} : { keyFile: resolve(folder, key) }) };
}

function filesByHost(flag: string, entries: readonly string[]): Map<string, string> {
  const files = new Map<string, string>();
  for (const entry of entries) {
    const index = entry.indexOf('=');
    if (index < 1 || index === entry.length - 1) {
      throw new AirgapError('usage', `${flag} ${entry} is not HOST=FILE`, {
        hint: `example: ${flag} registry.example.com=client.pem`,
      });
    }
    const host = parseHost(entry.slice(0, index), flag, 'usage');
    if (files.has(host)) {
      throw new AirgapError('usage', `${flag} names ${host} twice`, {
        hint: 'give one client certificate for each host',
      });
    }
    files.set(host, entry.slice(index + 1));
  }
  return files;
}

function parseHost(text: string, origin: string, code: 'usage' | 'config'): string {
  if (isName('registry', text)) return text.toLowerCase();
  throw new AirgapError(code, `${origin} ${text}: not a host`, { hint: 'write HOST or HOST:PORT' });
}
