import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from '../base/environment.ts';
import { AirgapError } from '../base/errors.ts';
import { reasonOf } from '../base/file-failure.ts';
import { readCertificates } from './certificates.ts';
import { type HostCertificates, readClientCertificate } from './client-certificate.ts';

/**
 * Returns the certs.d directories, which have one subdirectory per registry: Podman's before Docker's, the user's
 * before the machine's. Docker's are those of rootless Docker, Docker Desktop and Docker Engine
 * (docs.docker.com/engine/security/certificates, containers-certs.d(5)).
 */
export function certsDirectories({ XDG_CONFIG_HOME, DOCKER_CONFIG }: Environment, home: string): readonly string[] {
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
export function readCertsDirectory(
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
