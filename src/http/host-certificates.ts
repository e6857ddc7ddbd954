import { homedir } from 'node:os';
import { isName } from '../base/names.ts';
import { certsDirectories, readCertsDirectory } from './certs-directory.ts';
import { type ClientCertificate, type HostCertificates, readPair } from './client-certificate.ts';
import { hostSpellings } from './host-spellings.ts';

export interface HostCertificatesOptions {
  readonly clientCertificates?: readonly ClientCertificate[];
  /** Directories in Docker's certs.d layout; the first that has a host is used. */
  readonly directories: readonly string[];
}

/**
 * Creates a lookup of certificates by host (`host[:port]`, without port 443). A configured client certificate takes
 * precedence over one in a certs.d directory; certs.d roots always apply. Directories are read on first use of a host.
 * @throws AirgapError `config` for unusable files: configured ones immediately, those of certs.d at lookup
 */
export function hostCertificates(options: HostCertificatesOptions): (host: string) => HostCertificates | undefined {
  const named = new Map((options.clientCertificates ?? []).map((one) => [one.host.toLowerCase(), readNamed(one)]));
  const known = new Map<string, HostCertificates | undefined>();
  return (host) => {
    if (known.has(host)) return known.get(host);
    const spelling = hostSpellings(host, 443).find((one) => named.has(one));
    const found = spelling === undefined ? undefined : named.get(spelling);
    // The host may come from a redirect and becomes part of a path.
    const folder = isName('registry', host)
      ? readCertsDirectory(options.directories, host, found === undefined)
      : undefined;
    const both = merge(found, folder);
    known.set(host, both);
    return both;
  };
}

/** Like {@link hostCertificates}, with the certs.d directories of this user and this machine. */
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
