import { spawn } from 'node:child_process';
import { globSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { programPath } from './build.ts';
import { createNamespaces, nameOf, removeLeftovers, removeNamespaces } from './node/namespaces.ts';
import { LOGIN, NODE, NODE_REGISTRY, REGISTRY, SERVICES, writeNodeConfig } from './node/node-config.ts';
import { createCertificates } from './node/pki.ts';

/** Result of a program inside. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Options of a program inside. */
export interface RunInside {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** After these it is ended; 120 unless given. */
  readonly seconds?: number;
  readonly cwd?: string;
}

/** Where a running cluster is, as plain data: test files get it from the global setup. */
export interface ClusterAddress {
  /** Absolute: pki/, log/, admin.conf. */
  readonly folder: string;
  /** Of its network namespaces and cgroups. */
  readonly name: string;
  /** Process 1 of its namespaces, as seen from outside. */
  readonly pid: number;
}

const NODE_FILES = join(import.meta.dirname, 'node');

/** Folder of the programs that are not on every PATH. */
export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A real Kubernetes of one node, in namespaces of its own without a way out. */
export class Cluster {
  readonly folder: string;
  /** TLS by `caFile`; wants `login`. The node has no credentials for it, so Pods need a pull secret. */
  readonly registry = REGISTRY;
  /** The same registry under a name for which the node has credentials. */
  readonly nodeRegistry = NODE_REGISTRY;
  readonly caFile: string;
  readonly login = LOGIN;
  readonly #address: ClusterAddress;

  constructor(address: ClusterAddress) {
    this.#address = address;
    this.folder = address.folder;
    this.caFile = join(address.folder, 'pki/registry-ca.crt');
  }

  /** Runs a program in the namespaces of the cluster, as admin of it. Resolves with the exit code, whatever it is. */
  async run(command: readonly string[], { env = {}, input, seconds = 120, cwd }: RunInside = {}): Promise<Finished> {
    const inside = ['-t', String(this.#address.pid), '--net', '--mount', '--pid', `--wdns=${cwd ?? process.cwd()}`];
    const limited = ['timeout', '--kill-after=5', String(seconds), ...command];
    const {
      exitCode = -1,
      stdout,
      stderr,
    } = await execa('nsenter', [...inside, '--', ...limited], {
      env: {
        PATH: `${this.folder}/bin:${SYSTEM_PATH}`,
        HOME: this.folder,
        TMPDIR: process.env.TMPDIR,
        KUBECONFIG: join(this.folder, 'admin.conf'),
        ...env,
      },
      extendEnv: false,
      reject: false,
      maxBuffer: 1e9,
      stripFinalNewline: false,
      ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
    });
    return { code: exitCode, stdout, stderr };
  }

  /** Runs kubectl and returns its output. @throws Error with what it said */
  async kubectl(args: readonly string[], input?: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(['kubectl', ...args], input === undefined ? {} : { input });
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')} ended with ${code}: ${stderr}`);
    return stdout;
  }
}

/** Starts a cluster in a folder (absolute, new), and waits until its node is ready. @throws Error with the ends of its logs */
export async function startCluster(folder: string): Promise<ClusterAddress> {
  await removeLeftovers();
  const [kubernetes, runtime] = [programPath('kubernetes'), programPath('runtime')];
  if (kubernetes === undefined || runtime === undefined) throw new Error('the programs of the cluster are not built');
  const name = nameOf(process.pid);
  mkdirSync(folder, { recursive: true });
  createCertificates(folder);
  writeNodeConfig(folder, name, { kubernetes, runtime });
  writeKubeconfig(folder);
  createNamespaces(folder, name);
  const log = openSync(join(folder, 'log/node.log'), 'w');
  const namespaces = ['--mount', '--pid', '--fork', '--mount-proc', '--uts', '--ipc', '--kill-child'];
  const command = ['unshare', ...namespaces, 'bash', join(NODE_FILES, 'node.sh')];
  const child = spawn('nsenter', [`--net=/run/netns/${name}`, ...command], {
    detached: true,
    stdio: ['ignore', log, log],
    env: {
      PATH: SYSTEM_PATH,
      folder,
      name,
      here: NODE_FILES,
      node: NODE,
      services: SERVICES,
      kubernetes,
      javascript: process.execPath,
    },
  });
  child.unref();
  try {
    for (const until = Date.now() + 120_000; Date.now() < until; await sleep(300)) {
      if (child.exitCode !== null) break;
      const pid = firstChildOf(child.pid);
      if (pid === undefined) continue;
      const address = { folder, name, pid };
      const cluster = new Cluster(address);
      const { stdout } = await cluster.run(['kubectl', 'get', 'node', '--no-headers'], { seconds: 10 });
      if (!/ Ready /.test(stdout)) continue;
      await cluster.kubectl(['apply', '-f', join(NODE_FILES, 'policy.yaml')]);
      return address;
    }
    throw new Error(`the cluster is not ready:\n${endsOfLogs(folder)}`);
  } catch (error) {
    await removeNamespaces(name);
    throw error;
  }
}

function firstChildOf(pid: number | undefined): number | undefined {
  try {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    return child ? Number(child) : undefined;
  } catch {
    return undefined;
  }
}

function writeKubeconfig(folder: string): void {
  const pki = (file: string): string => join(folder, 'pki', file);
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'inside', cluster: { server: `https://${NODE}:6443`, 'certificate-authority': pki('ca.crt') } }],
    users: [{ name: 'admin', user: { 'client-certificate': pki('admin.crt'), 'client-key': pki('admin.key') } }],
    contexts: [{ name: 'inside', context: { cluster: 'inside', user: 'admin' } }],
    'current-context': 'inside',
  };
  writeFileSync(join(folder, 'admin.conf'), JSON.stringify(config), { mode: 0o600 });
}

function endsOfLogs(folder: string): string {
  return globSync(join(folder, 'log/*.log'))
    .map((file) => `${file}:\n${readFileSync(file, 'utf8').trim().split('\n').slice(-4).join('\n')}`)
    .join('\n');
}
