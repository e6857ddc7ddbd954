import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { missingPrograms } from '../daemon.ts';
import { withoutGo } from '../go.ts';
import { build, programNames } from './build.ts';

/** Debian package of each program. */
const PACKAGES: Readonly<Record<string, string>> = {
  etcd: 'etcd-server',
  containerd: 'containerd',
  runc: 'runc',
  iptables: 'iptables',
  conntrack: 'conntrack',
  tcpdump: 'tcpdump',
  'docker-registry': 'docker-registry',
  openssl: 'openssl',
  curl: 'curl',
  busybox: 'busybox-static',
  ip: 'iproute2',
  nsenter: 'util-linux',
};
/** The package of the network plugins has no program on the PATH. */
const NETWORK_PLUGINS = { file: '/usr/lib/cni/bridge', package: 'containernetworking-plugins' };

/**
 * Installs the Debian packages that a cluster needs and builds its programs, unless they are here.
 * @returns reason why no cluster can be started
 */
export function withoutCluster(): string | undefined {
  const reason = withoutRights();
  if (reason !== undefined) return reason;
  installPackages();
  const missing = missingPrograms(...Object.keys(PACKAGES));
  if (missing !== undefined) return missing;
  if (!existsSync(NETWORK_PLUGINS.file)) return `not installed: ${NETWORK_PLUGINS.package}`;
  const withoutPrograms = withoutGo() ?? build('kubernetes') ?? build('runtime');
  if (withoutPrograms !== undefined) return withoutPrograms;
  // Tests that need another program are skipped if it cannot be built.
  for (const name of programNames) {
    const failure = build(name);
    if (failure !== undefined) console.log(failure);
  }
  return undefined;
}

function withoutRights(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'it needs Linux on x86-64';
  if (process.getuid?.() !== 0) return 'it needs root';
  if (!existsSync('/sys/fs/cgroup/memory/cgroup.procs')) return 'it needs cgroups of version 1';
  const { status } = spawnSync('unshare', ['--net', '--mount', '--pid', '--fork', '--mount-proc', 'true']);
  return status === 0 ? undefined : 'it may not create namespaces';
}

function installPackages(): void {
  const programs = Object.entries(PACKAGES).filter(([program]) => missingPrograms(program) !== undefined);
  const packages = programs.map(([, name]) => name);
  if (!existsSync(NETWORK_PLUGINS.file)) packages.push(NETWORK_PLUGINS.package);
  if (packages.length === 0) return;
  console.log(`Debian packages for the cluster: ${packages.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = ['install', '-y', '--no-install-recommends', ...packages];
  for (const args of [['update'], install]) spawnSync('apt-get', args, { env, stdio: 'ignore' });
}
