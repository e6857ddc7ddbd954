import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { API_SERVICE, NODE } from './node-config.ts';

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** Creates the certificates of the cluster and of its registry in FOLDER/pki. */
export function createCertificates(folder: string): void {
  const pki = join(folder, 'pki');
  mkdirSync(pki, { recursive: true });
  for (const name of ['ca', 'front', 'registry-ca']) createAuthority(folder, name);
  const services = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc'].map((name) => `DNS:${name}`);
  const addresses = [API_SERVICE, NODE, '127.0.0.1'].map((address) => `IP:${address}`);
  issue(folder, 'apiserver', { ca: 'ca', subject: '/CN=kube-apiserver', names: [...services, ...addresses] });
  issue(folder, 'admin', { ca: 'ca', subject: '/O=system:masters/CN=admin' });
  issue(folder, 'front-client', { ca: 'front', subject: '/CN=front-proxy-client' });
  const registries = ['DNS:*.airgap.test', `IP:${NODE}`];
  issue(folder, 'registry', { ca: 'registry-ca', subject: '/CN=registry', names: registries });
  openssl(pki, 'genrsa', '-out', 'sa.key', '2048');
  openssl(pki, 'rsa', '-in', 'sa.key', '-pubout', '-out', 'sa.pub');
}

/** Creates a certificate authority in FOLDER/pki: NAME.crt and NAME.key. */
export function createAuthority(folder: string, name: string): void {
  const files = ['-keyout', `${name}.key`, '-out', `${name}.crt`];
  openssl(join(folder, 'pki'), 'req', '-x509', ...KEY, '-days', '2', '-subj', `/CN=${name}`, ...files);
}

/** Issues a certificate for a server and client in FOLDER/pki: NAME.crt and NAME.key. */
export function issue(
  folder: string,
  name: string,
  { ca, subject, names = [] }: { readonly ca: string; readonly subject: string; readonly names?: readonly string[] },
): void {
  const pki = join(folder, 'pki');
  if (!existsSync(join(pki, `${ca}.crt`))) throw new Error(`there is no authority ${ca}`);
  const alternatives = names.length === 0 ? '' : `subjectAltName=${names.join(',')}\n`;
  writeFileSync(join(pki, `${name}.ext`), `extendedKeyUsage=serverAuth,clientAuth\n${alternatives}`);
  openssl(pki, 'req', ...KEY, '-subj', subject, '-keyout', `${name}.key`, '-out', `${name}.csr`);
  const from = ['-CA', `${ca}.crt`, '-CAkey', `${ca}.key`, '-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`];
  openssl(pki, 'x509', '-req', '-in', `${name}.csr`, ...from, '-out', `${name}.crt`);
}

function openssl(cwd: string, ...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'ignore', cwd });
}
