import { homedir } from 'node:os';
import { isName } from '../base/names.ts';
import { certsDirectories, readCertsDirectory } from './certs-directory.ts';
import { type ClientCertificate, type HostCertificates, readPair } from './client-certificate.ts';
import { hostSpellings } from './host-spellings.ts';

export interface HostCertificatesOptions {
  readonly clientCertificates?: readonly ClientCertificate[];
  /** Folders in docker's certs.d layout, the first that knows a host counts. */
  readonly directories: readonly string[];
}

/**
 * Certificates by host (`host[:port]`, the port left out where it is 443): those that were named, else those of the
 * certs.d folders; roots of a certs.d folder count beside a certificate that was named. Folders are read when a host is
 * asked for, and once.
 * @throws AirgapError `config` at once for files that were named and cannot be used, later for those of folders
 */
export function hostCertificates(options: HostCertificatesOptions): (host: string) => HostCertificates | undefined {
  const named = new Map((options.clientCertificates ?? []).map((one) => [one.host.toLowerCase(), readNamed(one)]));
  const known = new Map<string, HostCertificates | undefined>();
  return (host) => {
    if (known.has(host)) return known.get(host);
    const spelling = hostSpellings(host, 443).find((one) => named.has(one));
    const found = spelling === undefined ? undefined : named.get(spelling);
    // The host may come from a redirect, and becomes a path here.
    const folder = isName('registry', host)
      ? readCertsDirectory(options.directories, host, found === undefined)
      : undefined;
    const both = merge(found, folder);
    known.set(host, both);
    return both;
  };
}

/** The same with the certs.d folders of this user and this machine. */
export function systemCertificates(
  clientCertificates: readonly ClientCertificate[],
  env: Readonly<Record<string, string | undefined>>,
): (host: string) => HostCertificates | undefined {
  return hostCertificates({ clientCertificates, directories: certsDirectories(env, env.HOME || homedir()) });
}

function merge(
  named: HostCertificates | undefined,
  folder: HostCertificates | undefined,
): HostCertificates | undefined {
  if (named === undefined || folder === undefined) return named ?? folder;
  return { ...named, ca: folder.ca, files: { ...named.files, caFiles: folder.files.caFiles } };
}

function readNamed({ host, certFile, keyFile }: ClientCertificate): HostCertificates {
  return { ca: [], ...readPair(host, certFile, keyFile ?? certFile) };
}
