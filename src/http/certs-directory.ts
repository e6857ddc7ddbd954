import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { AirgapError } from '../base/errors.ts';
import { reasonOf } from '../base/file-failure.ts';
import { readCertificates } from './certificates.ts';
import { type HostCertificates, readPair } from './client-certificate.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The folders that hold a folder for each registry, in the order of podman and then docker: of the user, then of the
 * machine. Docker's are those of rootless docker and of Docker Desktop, then of the engine
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
 * Reads the certificates of a host from the first of the folders that has one for it: `*.crt` are roots, `*.cert` a client
 * certificate whose key is the file `*.key` of the same name. Of several pairs the first by name counts.
 * @param host `host[:port]`, known to be a host
 * @param withClient false: the roots alone
 * @throws AirgapError `config` for files that cannot be used
 */
export function readCertsDirectory(
  directories: readonly string[],
  host: string,
  withClient: boolean,
): HostCertificates | undefined {
  for (const directory of directories) {
    const folder = join(directory, host);
    const names = list(folder, host);
    if (names === undefined) continue;
    const ending = (end: string): string[] =>
      names.filter((name) => name.endsWith(end)).map((name) => join(folder, name));
    const caFiles = ending('.crt');
    const ca = caFiles.flatMap((file) => readCertificates(file, `the authority for ${host},`));
    const pair = withClient ? pairOf(host, ending('.cert'), ending('.key')) : undefined;
    if (ca.length === 0 && pair === undefined) return undefined;
    return { ca, ...pair, files: { ...pair?.files, caFiles } };
  }
  return undefined;
}

function pairOf(
  host: string,
  certs: readonly string[],
  keys: readonly string[],
): ReturnType<typeof readPair> | undefined {
  const stem = (file: string): string => file.replace(/\.[^.]*$/, '');
  const stray = keys.find((key) => !certs.some((cert) => stem(cert) === stem(key)));
  if (stray !== undefined) {
    throw new AirgapError('config', `the key ${stray} for ${host} has no client certificate beside it`, {
      hint: `the certificate is the file ${stem(stray)}.cert; authorities end with .crt`,
    });
  }
  const [cert] = certs;
  if (cert === undefined) return undefined;
  const key = keys.find((file) => stem(file) === stem(cert));
  if (key === undefined) {
    throw new AirgapError('config', `the client certificate ${cert} for ${host} has no key beside it`, {
      hint: `the key is the file ${stem(cert)}.key; an authority ends with .crt and not with .cert`,
    });
  }
  return readPair(host, cert, key);
}

/** Names in order; undefined where there is no such folder, or one that this user may not look into. */
function list(folder: string, host: string): readonly string[] | undefined {
  try {
    return readdirSync(folder).sort();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    // As podman does: /etc/docker is closed for other users on many machines.
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return undefined;
    throw new AirgapError('config', `the certificates for ${host} in ${folder} cannot be read: ${reasonOf(cause)}`, {
      cause,
    });
  }
}
