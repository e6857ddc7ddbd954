import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scratchFolder } from './scratch.ts';

/** A self-signed certificate for 127.0.0.1 and the names given, made by openssl. */
export function selfSigned(...names: readonly string[]): Pair {
  const folder = scratchFolder();
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const alternatives = ['IP:127.0.0.1', ...names.map((name) => `DNS:${name}`)].join(',');
  const how = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const what = ['-subj', '/CN=test', '-addext', `subjectAltName=${alternatives}`, '-keyout', key, '-out', cert];
  execFileSync('openssl', [...how, ...what], { stdio: 'ignore' });
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
}

/** A certificate and its key. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** An authority that issues certificates for clients, and for servers at 127.0.0.1, ::1 and some names. */
export interface Authority {
  readonly ca: string;
  /** @param days that it is valid; less than nothing: it has expired */
  issue(name: string, days?: number): Pair;
}

export function authority(name = 'own CA', hosts: readonly string[] = ['registry.test']): Authority {
  const folder = scratchFolder();
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { stdio: 'ignore', cwd: folder });
  };
  const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...key, '-days', '2', '-subj', `/CN=${name}`, '-keyout', 'ca.key', '-out', 'ca.pem');
  const alternatives = ['IP:127.0.0.1', 'IP:::1', ...hosts.map((host) => `DNS:${host}`)].join(',');
  writeFileSync(join(folder, 'names'), `subjectAltName=${alternatives}\nbasicConstraints=CA:FALSE\n`);
  return {
    ca: read('ca.pem'),
    issue(subject, days = 2) {
      openssl('req', ...key, '-subj', `/CN=${subject}`, '-keyout', 'key.pem', '-out', 'request.pem');
      const from = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', String(days), '-extfile', 'names'];
      openssl('x509', '-req', '-in', 'request.pem', ...from, '-out', 'cert.pem');
      return { cert: read('cert.pem'), key: read('key.pem') };
    },
  };
}

/** A certificate for 127.0.0.1, ::1 and the names given, from an authority of its own, as a company has one. */
export function issued(...names: readonly string[]): Pair & Pick<Authority, 'ca'> {
  const { ca, issue } = authority('own CA', names);
  return { ca, ...issue('registry') };
}
