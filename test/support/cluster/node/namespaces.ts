import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NODE, OUT } from './node-config.ts';

const PREFIX = 'airgap-test-';

/** Name of the cluster of a test run: of its network namespaces (the other one has the suffix -out) and cgroups. */
export function nameOf(pid: number): string {
  return `${PREFIX}${pid}`;
}

/** Creates the network of a cluster, which writes what leaves it to FOLDER/log/out.log, and its cgroups. */
export function createNamespaces(folder: string, name: string): void {
  createCgroups(name);
  createNetwork(folder, name);
}

/** Ends all processes of a cluster and removes its namespaces and cgroups. */
export async function removeNamespaces(name: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const left = processesOf(name);
    for (const pid of left) kill(pid);
    if (left.length === 0 && removeCgroups(name)) break;
    await sleep(100);
  }
  for (const namespace of [name, `${name}-out`]) {
    // Another run may remove the same leftover.
    if (existsSync(`/run/netns/${namespace}`)) spawnSync('ip', ['netns', 'del', namespace], { stdio: 'ignore' });
  }
}

/** Removes what runs that were killed have left. */
export async function removeLeftovers(): Promise<void> {
  for (const name of existsSync('/run/netns') ? readdirSync('/run/netns') : []) {
    const pid = Number(new RegExp(`^${PREFIX}(\\d+)$`).exec(name)?.[1]);
    if (pid > 0 && !existsSync(`/proc/${pid}`)) await removeNamespaces(name);
  }
}

/** The network: loopback with the node's address, and a default route into a namespace in which nothing is but a counter. */
function createNetwork(folder: string, name: string): void {
  const outside = `${name}-out`;
  const ip = (...args: readonly string[]): void =>
    void execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const inside = (...args: readonly string[]): void => ip('-n', name, ...args);
  ip('netns', 'add', name);
  ip('netns', 'add', outside);
  inside('link', 'set', 'lo', 'up');
  inside('addr', 'add', `${NODE}/32`, 'dev', 'lo');
  inside('link', 'add', 'out0', 'type', 'veth', 'peer', 'name', 'out1', 'netns', outside);
  inside('addr', 'add', `${OUT}/32`, 'dev', 'out0');
  inside('link', 'set', 'out0', 'arp', 'off');
  inside('link', 'set', 'out0', 'up');
  ip('-n', outside, 'link', 'set', 'out1', 'up');
  inside('route', 'add', 'default', 'dev', 'out0', 'src', NODE);
  const settings = ['ipv4.ip_forward=1', 'ipv4.conf.all.route_localnet=1', 'ipv6.conf.out0.disable_ipv6=1'];
  const sysctl = ['sysctl', '-qw', ...settings.map((setting) => `net.${setting}`)];
  execFileSync('nsenter', [`--net=/run/netns/${name}`, ...sysctl], { stdio: 'ignore' });
  const capture = [
    'tcpdump',
    '-i',
    'out1',
    '-nn',
    '-l',
    '--immediate-mode',
    '-Q',
    'in',
    'ip and not dst net 198.18.0.0/15',
  ];
  const child = spawn('nsenter', [`--net=/run/netns/${outside}`, ...capture], {
    detached: true,
    stdio: ['ignore', openSync(join(folder, 'log/out.log'), 'w'), openSync(join(folder, 'log/tcpdump.log'), 'w')],
  });
  child.unref();
  // Its end comes with that of the cgroups.
  for (const group of globSync(`/sys/fs/cgroup/*/${name}/system`))
    writeFileSync(join(group, 'cgroup.procs'), String(child.pid));
}

/** One cgroup in every hierarchy, below which all processes of the cluster are. */
function createCgroups(name: string): void {
  for (const hierarchy of globSync('/sys/fs/cgroup/*/cgroup.procs')) {
    const parent = join(hierarchy, '..');
    for (const group of [join(parent, name), join(parent, name, 'system')]) {
      mkdirSync(group, { recursive: true });
      for (const setting of ['cpuset.cpus', 'cpuset.mems']) {
        const source = join(parent, setting);
        if (existsSync(source)) writeFileSync(join(group, setting), readFileSync(source));
      }
    }
  }
}

/** @returns whether all are gone */
function removeCgroups(name: string): boolean {
  const groups = globSync(`/sys/fs/cgroup/*/${name}`);
  for (const group of groups) {
    try {
      execFileSync('find', [group, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', '+'], { stdio: 'ignore' });
    } catch {
      // A process is still in it.
    }
  }
  return groups.every((group) => !existsSync(group));
}

function processesOf(name: string): number[] {
  const files = globSync(`/sys/fs/cgroup/*/${name}/**/cgroup.procs`);
  const ids = files.flatMap((file) => {
    try {
      return readFileSync(file, 'utf8').trim().split('\n').map(Number);
    } catch {
      // The group has just gone.
      return [];
    }
  });
  return [...new Set(ids)].filter((pid) => pid > 0);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has already ended.
  }
}
