import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from '../cluster.ts';
import { NODE, trustRegistry } from './node-config.ts';
import { createAuthority, issue } from './pki.ts';

/** Another registry inside, with the content of the first one. */
export interface FurtherRegistry {
  /** Below airgap.test, without a port. */
  readonly name: string;
  readonly port: number;
  /** It refuses writes. */
  readonly isReadOnly?: boolean;
  /** Its certificate is of an authority that nobody trusts. */
  readonly hasForeignCertificate?: boolean;
}

/**
 * Starts it and makes the node trust the private CA for it.
 * @returns `NAME.airgap.test:PORT`
 */
export async function startFurtherRegistry(
  cluster: Cluster,
  { name, port, isReadOnly = false, hasForeignCertificate = false }: FurtherRegistry,
): Promise<string> {
  const host = `${name}.airgap.test:${port}`;
  const { folder } = cluster;
  if (hasForeignCertificate) {
    createAuthority(folder, 'foreign-ca');
    issue(folder, name, { ca: 'foreign-ca', subject: '/CN=registry', names: [`DNS:${name}.airgap.test`] });
  }
  const config = JSON.parse(readFileSync(join(folder, 'config/registry.json'), 'utf8'));
  config.http.addr = `${NODE}:${port}`;
  if (isReadOnly) config.storage.maintenance = { readonly: { enabled: true } };
  if (hasForeignCertificate) {
    config.http.tls = { certificate: join(folder, `pki/${name}.crt`), key: join(folder, `pki/${name}.key`) };
  }
  const file = join(folder, `config/${name}.json`);
  writeFileSync(file, JSON.stringify(config));
  await trustInside(cluster, host);
  const started = `env -u TMPDIR docker-registry serve ${file} > ${join(folder, `log/${name}.log`)} 2>&1 &`;
  const answers = `for i in $(seq 100); do curl -sk https://${host}/v2/ && exit; sleep 0.1; done; exit 1`;
  const { code } = await cluster.run(['bash', '-c', `${started}\n${answers}`]);
  if (code !== 0) throw new Error(`${host} does not answer`);
  return host;
}

/** Makes the node trust the private CA for a registry. */
export async function trustInside(cluster: Cluster, host: string): Promise<void> {
  const certificates = join(cluster.folder, 'config/further');
  if (!existsSync(certificates)) mkdirSync(certificates);
  trustRegistry(cluster.folder, certificates, host);
  // The node's /etc is an overlay, which only it sees.
  await cluster.run(['cp', '-r', join(certificates, host), '/etc/containerd/certs.d/']);
}
