import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scratchFolder } from '../../scratch.ts';
import { programPath } from '../build.ts';
import type { Cluster } from '../cluster.ts';
import type { ImageContent } from './outside.ts';

/** What installers' scripts call besides Helm and kubectl. */
const APPLETS = ['sh', 'base64', 'basename', 'cat', 'mkdir', 'rm', 'sed', 'sleep', 'touch'];

/**
 * Content of an image that can run a script with Helm and kubectl. As its owner would do, it has the private CA and a login
 * for the registry that the node has one for.
 * @param helm path of the program
 */
export function installerImage(cluster: Cluster, helm: string): ImageContent {
  const { username, password } = cluster.login;
  const login = join(scratchFolder(), 'login.json');
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  writeFileSync(login, JSON.stringify({ auths: { [cluster.nodeRegistry]: { auth } } }));
  const applets = APPLETS.map((applet) => [`bin/${applet}`, '/bin/busybox']);
  const files = {
    ...Object.fromEntries(applets),
    'bin/helm': helm,
    'bin/kubectl': programPath('kubernetes') ?? '',
    'etc/helm/login.json': login,
    'etc/helm/ca.crt': cluster.caFile,
  };
  const Env = ['PATH=/bin', 'HOME=/tmp', 'HELM_REGISTRY_CONFIG=/etc/helm/login.json', 'SSL_CERT_FILE=/etc/helm/ca.crt'];
  return { files, config: { Entrypoint: ['/bin/sh'], User: '0', Env } };
}
