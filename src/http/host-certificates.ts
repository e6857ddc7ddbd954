import { readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../base/environment.ts';
import { AirgapError } from '../base/errors.ts';
import { reasonOf } from '../base/file-failure.ts';
import { hostSpellings } from '../base/host-spellings.ts';
import { isName } from '../base/names.ts';
import { readCertificates } from './certificates.ts';
import { type ClientCertificate, type HostCertificates, readClientCertificate } from './client-certificate.ts';

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
  env: Environment,
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

/**
 * Returns the certs.d directories, which have one subdirectory per registry: Podman's before Docker's, the user's
 * before the machine's. Docker's are those of rootless Docker, Docker Desktop and Docker Engine
 * (docs.docker.com/engine/security/certificates, containers-certs.d(5)).
 */
function certsDirectories({ XDG_CONFIG_HOME, DOCKER_CONFIG }: Environment, home: string): readonly string[] {
  const config = XDG_CONFIG_HOME || join(home, '.config');
  const folders = [
    join(config, 'containers'),
    '/etc/containers',
    join(config, 'docker'),
    DOCKER_CONFIG || join(home, '.docker'),
    '/etc/docker',
  ];
  return folders.map((folder) => join(folder, 'certs.d'));
}

/**
 * Reads the certificates of a host from the first directory that has a subdirectory for it. `*.crt` are roots; `*.cert`
 * is a client certificate whose key is the `*.key` file of the same name. The first pair by name is used.
 * @param host `host[:port]`, already validated
 * @param withClient false to read the roots only
 * @throws AirgapError `config` for unusable files
 */
function readCertsDirectory(
  directories: readonly string[],
  host: string,
  withClient: boolean,
): HostCertificates | undefined {
  for (const directory of directories) {
    const folder = join(directory, host);
    const names = listFiles(folder, host);
    if (names === undefined) continue;
    const withExtension = (extension: string): string[] =>
      names.filter((name) => name.endsWith(extension)).map((name) => join(folder, name));
    const caFiles = withExtension('.crt');
    const ca = caFiles.flatMap((file) => readCertificates(file, `the CA certificate for ${host},`));
    const pair = withClient ? readClientPair(host, withExtension('.cert'), withExtension('.key')) : undefined;
    if (ca.length === 0 && pair === undefined) return undefined;
    return { ca, ...pair, files: { ...pair?.files, caFiles } };
  }
  return undefined;
}

function readClientPair(
  host: string,
  certs: readonly string[],
  keys: readonly string[],
): ReturnType<typeof readClientCertificate> | undefined {
  const stem = (file: string): string => file.replace(/\.[^.]*$/, '');
  const unmatchedKey = keys.find((key) => !certs.some((cert) => stem(cert) === stem(key)));
  if (unmatchedKey !== undefined) {
    throw new AirgapError('config', `the client key ${unmatchedKey} for ${host} has no matching certificate`, {
      hint: `name the client certificate ${stem(unmatchedKey)}.cert; .crt is for CA certificates`,
    });
  }
  const [cert] = certs;
  if (cert === undefined) return undefined;
  const key = keys.find((file) => stem(file) === stem(cert));
  if (key === undefined) {
    throw new AirgapError('config', `the client certificate ${cert} for ${host} has no matching key`, {
      hint: `name the key ${stem(cert)}.key, or the file .crt instead of .cert if it is a CA certificate`,
    });
  }
  return readClientCertificate(host, cert, key);
}

/** Returns the sorted file names; undefined when the directory does not exist or this user may not read it. */
function listFiles(folder: string, host: string): readonly string[] | undefined {
  try {
    return readdirSync(folder).sort();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    // As Podman does: /etc/docker is not readable for other users on many machines.
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return undefined;
    throw new AirgapError('config', `cannot read the certificates for ${host} in ${folder}: ${reasonOf(cause)}`, {
      cause,
    });
  }
}
