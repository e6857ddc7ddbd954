import { homedir } from 'node:os';
import { isName } from '../base/names.ts';
import { certsDirectories, readCertsDirectory } from './certs-directory.ts';
import { type ClientCertificate, type HostCertificates, readClientCertificate } from './client-certificate.ts';
import { hostSpellings } from './host-spellings.ts';

interface HostCertificatesOptions {
  readonly clientCertificates?: readonly ClientCertificate[];
  /** Directories in Docker's certs.d layout; the first that has a host is used. */
  readonly directories: readonly string[];
}

/**
 * Creates a lookup of certificates by host (`host[:port]`, without port 443). A configured client certificate takes
 * precedence over one in a certs.d directory; certs.d roots always apply. Directories are read on first use of a host.
 * @throws AirgapError `config` for unusable files: configured ones immediately, those of certs.d at lookup
 */
function hostCertificates(options: HostCertificatesOptions): (host: string) => HostCertificates | undefined {
  const configured = new Map(
    (options.clientCertificates ?? []).map((entry) => [entry.host.toLowerCase(), readConfigured(entry)]),
  );
  const cache = new Map<string, HostCertificates | undefined>();
  return (host) => {
    if (cache.has(host)) return cache.get(host);
    const spelling = hostSpellings(host, 443).find((entry) => configured.has(entry));
    const ownCertificates = spelling === undefined ? undefined : configured.get(spelling);
    // The host may come from a redirect and becomes part of a path.
    const fromDirectory = isName('registry', host)
      ? readCertsDirectory(options.directories, host, ownCertificates === undefined)
      : undefined;
    const merged = mergeCertificates(ownCertificates, fromDirectory);
    cache.set(host, merged);
    return merged;
  };
}

/** Like {@link hostCertificates}, with the certs.d directories of this user and this machine. */
export function systemCertificates(
  clientCertificates: readonly ClientCertificate[],
  env: Readonly<Record<string, string | undefined>>,
): (host: string) => HostCertificates | undefined {
  return hostCertificates({ clientCertificates, directories: certsDirectories(env, env.HOME || homedir()) });
}

function mergeCertificates(
  configured: HostCertificates | undefined,
  fromDirectory: HostCertificates | undefined,
): HostCertificates | undefined {
  if (configured === undefined || fromDirectory === undefined) return configured ?? fromDirectory;
  return { ...configured, ca: fromDirectory.ca, files: { ...configured.files, caFiles: fromDirectory.files.caFiles } };
}

function readConfigured({ host, certFile, keyFile }: ClientCertificate): HostCertificates {
  return { ca: [], ...readClientCertificate(host, certFile, keyFile ?? certFile) };
}
