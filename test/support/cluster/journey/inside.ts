import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { testHelms } from '../../helm.ts';
import type { Cluster, Finished, RunInside } from '../cluster.ts';
import { installedPrograms, unpackedPlugin } from './plugin.ts';

/** Helm with the plugin inside a cluster, away from the user's settings, with logins for its registries. */
export class InsideHelm {
  readonly cluster: Cluster;
  readonly path: string;
  readonly #env: Readonly<Record<string, string>>;

  /**
   * @param version as in its `helm version`
   * @param env further variables
   */
  constructor(cluster: Cluster, path: string, version: string, env: Readonly<Record<string, string>> = {}) {
    this.cluster = cluster;
    this.path = path;
    // Test files run at the same time, each in a process of its own.
    const home = join(cluster.folder, `helm-${version}-${process.pid}`);
    const logins = [cluster.registry, cluster.nodeRegistry].map((host) => [host, { auth: authOf(cluster) }]);
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, 'config.json'), JSON.stringify({ auths: Object.fromEntries(logins) }), { mode: 0o600 });
    this.#env = {
      HOME: home,
      HELM_BIN: path,
      HELM_CACHE_HOME: join(home, 'cache'),
      HELM_CONFIG_HOME: join(home, 'config'),
      HELM_DATA_HOME: join(home, 'data'),
      HELM_REGISTRY_CONFIG: join(home, 'config.json'),
      DOCKER_CONFIG: home,
      ...env,
    };
  }

  /** Runs Helm, whatever it ends with. */
  run(args: readonly string[], options: RunInside = {}): Promise<Finished> {
    return this.cluster.run(this.#command(args), { ...options, env: { ...this.#env, ...options.env } });
  }

  #command(args: readonly string[]): string[] {
    return ['env', `PATH=${installedPrograms(this.cluster)}`, this.path, ...args];
  }

  /** Runs it. @throws Error with what it said unless it ends with 0 */
  async ok(args: readonly string[], options: RunInside = {}): Promise<Finished> {
    const finished = await this.run(args, options);
    if (finished.code === 0) return finished;
    throw new Error(`helm ${args.join(' ')} ended with ${finished.code}:\n${finished.stdout}${finished.stderr}`);
  }

  /**
   * Starts it in the background.
   * @param file files for its output (`out`, `err`) and, when it has ended, its exit code (`code`)
   * @returns process id of the shell that waits for it, inside
   */
  async start(args: readonly string[], file: (suffix: string) => string): Promise<string> {
    const [out, err, code] = ['out', 'err', 'code'].map(file);
    const script = `("$@" > '${out}' 2> '${err}'; echo $? > '${code}') < /dev/null > /dev/null 2>&1 & echo $!`;
    const { stdout } = await this.cluster.run(['bash', '-c', script, '-', ...this.#command(args)], { env: this.#env });
    return stdout.trim();
  }
}

/**
 * Returns a Helm of the tests with the packed plugin.
 * @param env further variables for each run
 * @throws Error if that version is not here
 */
export async function insideHelm(
  cluster: Cluster,
  version = '4.1.4',
  program?: string,
  env?: Readonly<Record<string, string>>,
): Promise<InsideHelm> {
  const path = program ?? testHelms().find((helm) => helm.version === version)?.path;
  if (path === undefined) throw new Error(`Helm ${version} is not here`);
  const helm = new InsideHelm(cluster, path, version, env);
  const { stdout } = await helm.run(['plugin', 'list']);
  if (/^airgap\s/m.test(stdout)) return helm;
  const plugin = await unpackedPlugin(cluster);
  await helm.ok(['plugin', 'install', plugin]);
  if (version.startsWith('4.')) await helm.ok(['plugin', 'install', join(plugin, 'post-renderer')]);
  return helm;
}

/** Creates a namespace, with a pull secret `regcred`: for the registry that needs one, unless another host is given. */
export async function createNamespace(
  cluster: Cluster,
  namespace: string,
  {
    host = cluster.registry,
    password = cluster.login.password,
  }: { readonly host?: string; readonly password?: string } = {},
): Promise<void> {
  await cluster.kubectl(['create', 'namespace', namespace]);
  // Pods are refused before it is there.
  await cluster.kubectl(['-n', namespace, 'wait', '--for=create', 'serviceaccount/default', '--timeout=60s']);
  const login = [
    `--docker-server=${host}`,
    `--docker-username=${cluster.login.username}`,
    `--docker-password=${password}`,
  ];
  await cluster.kubectl(['-n', namespace, 'create', 'secret', 'docker-registry', PULL_SECRET, ...login]);
}

/** Name of the pull secret in each namespace of {@link createNamespace}. */
export const PULL_SECRET = 'regcred';

/** A chart at the isolated side. */
export interface Site {
  readonly helm: InsideHelm;
  /** Carried bundle. */
  readonly file: string;
  readonly chart: string;
  readonly version: string;
  readonly namespace: string;
  /** `HOST/PREFIX`; the registry that needs pull secrets, with the prefix `mirrored`, unless given. */
  readonly to?: string;
  /** Values of the site, for `values` and `helm install`. */
  readonly values?: readonly string[];
}

function targetOf({ helm, to }: Site): string {
  return to ?? `${helm.cluster.registry}/mirrored`;
}

/** Pushes the bundle. */
export function pushInside(site: Site, flags: readonly string[] = []): Promise<Finished> {
  const { helm, file } = site;
  const target = ['--to', targetOf(site), '--ca-file', helm.cluster.caFile];
  return helm.ok(['airgap', 'push', file, ...target, ...flags]);
}

/** Writes the overrides of the chart next to the bundle. @returns the file, and how `values` ended: 0 or 3 */
export async function valuesInside(
  site: Site,
  flags: readonly string[] = ['--pull-secret', PULL_SECRET],
): Promise<Finished & { readonly overrides: string }> {
  const { helm, file, chart, version, namespace, values = [] } = site;
  const overrides = `${file}.${basename(chart)}.${namespace}.yaml`;
  const target = ['--to', targetOf(site), '--ca-file', helm.cluster.caFile];
  const what = [`${chart}@${version}`, '--bundle', file, '--namespace', namespace, ...values];
  const finished = await helm.run(['airgap', 'values', ...what, ...target, ...flags, '--out', overrides]);
  return { ...finished, overrides };
}

/**
 * Installs the chart with the overrides after the site's own values.
 * @param folder of the chart; from the target unless given
 */
export function installInside(
  site: Site,
  overrides: string,
  flags: readonly string[] = [],
  folder?: string,
): Promise<Finished> {
  const { helm, chart, version, namespace, values = [] } = site;
  const target = [`oci://${targetOf(site)}/charts/${chart}`, '--version', version, '--ca-file', helm.cluster.caFile];
  const source = folder === undefined ? target : [folder];
  return helm.run(['install', chart, ...source, '-n', namespace, ...values, '-f', overrides, ...flags], {
    seconds: 300,
  });
}

/** Removes the release and its namespace without waiting for their end. */
export async function uninstallInside({ helm, chart, namespace }: Site): Promise<void> {
  await helm.run(['uninstall', chart, '-n', namespace, '--no-hooks']);
  await helm.cluster.run(['kubectl', 'delete', 'namespace', namespace, '--wait=false']);
}

function authOf({ login: { username, password } }: Cluster): string {
  return Buffer.from(`${username}:${password}`).toString('base64');
}
