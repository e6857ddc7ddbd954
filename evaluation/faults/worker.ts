import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers';
import { cleanEnvironment } from '../../test/support/cli.ts';
import { digestOf } from '../../test/support/digest.ts';
import { type FaultProxy, type Plan, type RecordedRequest, startFaultProxy } from '../../test/support/fault-proxy.ts';
import type { TestRegistry } from '../../test/support/registry.ts';
import { type Ended, Terminal } from '../../test/support/terminal.ts';
import type { Way } from './kind.ts';

/** What a run does, and with it the side whose requests fail: that of the source or that of the target. */
export const DIRECTIONS = {
  pull: 'source',
  push: 'target',
  'mirror from': 'source',
  'mirror to': 'target',
  'mirror listing': 'source',
} as const;
export type Direction = keyof typeof DIRECTIONS;
export type Side = (typeof DIRECTIONS)[Direction];

const ACCOUNT = 'airgap:a-word-nobody-may-see';

/** A name that does not resolve, and that only proxies can reach. */
const PROXIED = 'registry.test';

/** Milliseconds of real time after which a run counts as hanging: far more than it takes on a busy machine. */
const LONGEST_RUN = 300_000;

/** One run, its requests and leaked credentials. */
export interface Trial extends Ended {
  readonly requests: Readonly<Record<Side, readonly RecordedRequest[]>>;
  readonly leaks: readonly string[];
  readonly isHung: boolean;
}

/** How a run reaches one of the registries, and which of its requests fail there. The other one is reached directly. */
export interface Route {
  readonly side: Side;
  readonly way?: Way | undefined;
  readonly plan?: Plan | undefined;
}

/** The registry that is read, and the one that is written. */
export type Registries = Readonly<Record<Side, TestRegistry>>;

/** Runs one case after the other, with a folder and fault proxies of its own. */
export class Worker {
  readonly registries: Registries;
  readonly proxies: Readonly<Record<Side, FaultProxy>>;
  readonly home: string;
  readonly #account: Record<string, string>;
  #count = 0;

  private constructor(registries: Registries, proxies: Worker['proxies'], home: string) {
    this.registries = registries;
    this.proxies = proxies;
    this.home = home;
    const { source, target } = proxies;
    mkdirSync(join(home, '.docker'));
    writeFileSync(join(home, 'authorities.pem'), source.tlsFront.authority + target.tlsFront.authority);
    const auth = Buffer.from(ACCOUNT).toString('base64');
    const hosts = [source.host, source.tlsFront.host, target.host, target.tlsFront.host, PROXIED];
    const auths = Object.fromEntries(hosts.map((host) => [host, { auth }]));
    writeFileSync(join(home, '.docker/config.json'), JSON.stringify({ auths }));
    this.#account = cleanEnvironment(home);
  }

  /** @param folder folder of all workers */
  static async start(registries: Registries, folder: string): Promise<Worker> {
    const { source, target } = registries;
    const proxies = {
      source: await startFaultProxy(source.host, ACCOUNT, PROXIED),
      target: await startFaultProxy(target.host, ACCOUNT, PROXIED),
    };
    return new Worker(registries, proxies, mkdtempSync(join(folder, 'worker-')));
  }

  async stop(): Promise<void> {
    for (const proxy of Object.values(this.proxies)) await proxy.stop();
  }

  /** Creates an empty folder for one case. Its name is also the prefix of what the case pushes. */
  createWorkspace(): Workspace {
    const name = `case-${process.pid}-${++this.#count}-${this.proxies.target.host.replace(/.*:/, '')}`;
    const folder = join(this.home, name);
    const temporary = join(this.home, `${name}-tmp`);
    for (const path of [folder, temporary]) mkdirSync(path);
    return { name, folder, temporary, file: join(folder, 'out.tar') };
  }

  removeWorkspace({ folder, temporary }: Workspace): void {
    for (const path of [folder, temporary]) rmSync(path, { recursive: true, force: true });
  }

  /** Address of a registry: by the way of the route, or directly if the route is to the other one. */
  host(of: Side, { side, way = 'direct' }: Route): string {
    const proxy = this.proxies[of];
    if (of !== side) return proxy.host;
    return { direct: proxy.host, proxy: PROXIED, tls: proxy.tlsFront.host, tunnel: PROXIED }[way];
  }

  env({ temporary }: Workspace, { side, way = 'direct' }: Route): Record<string, string> {
    const { host, tlsFront } = this.proxies[side];
    const proxy: Partial<Record<Way, Record<string, string>>> = {
      proxy: { HTTP_PROXY: `http://${host}`, NO_PROXY: '127.0.0.1' },
      tunnel: { HTTPS_PROXY: tlsFront.proxy },
    };
    return { ...this.#account, TMPDIR: temporary, ...proxy[way] };
  }

  /** Arguments to bundle two images, or the chart that uses them: runs with Helm take longer than all others. */
  pullArgs({ file }: Workspace, { chart, way = 'direct' }: Pulled): string[] {
    const route: Route = { side: 'source', way };
    const host = this.host('source', route);
    const images = IMAGES.flatMap((name) => ['--image', `upstream.example/${name}`]);
    const wanted = chart ? [`oci://${host}/charts/demo`, '--version', '1.0.0'] : images;
    const routed = ['--mirror', `upstream.example=${host}`, ...this.#access(route)];
    return ['bundle', ...wanted, ...routed, '--require-referrers', '--out', file];
  }

  /** Arguments to push to repositories below the case's name. */
  pushArgs(workspace: Workspace, bundle: string, way: Way = 'direct'): string[] {
    return ['push', bundle, ...this.#into(workspace, { side: 'target', way })];
  }

  /** Arguments to copy two images, or all repositories of the source, to repositories below the case's name. */
  mirrorArgs(workspace: Workspace, route: Route, whole: boolean): string[] {
    const host = this.host('source', route);
    const list = join(this.home, 'images.txt');
    writeFileSync(list, IMAGES.map((name) => `${host}/${name}\n`).join(''));
    const wanted = whole ? ['--from', host, '--repository', '*'] : ['--images', list];
    return ['mirror', ...wanted, ...this.#into(workspace, route)];
  }

  #into({ name, folder }: Workspace, route: Route): string[] {
    const to = ['--to', `${this.host('target', route)}/${name}`, '--naming', 'path'];
    const files = ['--log-file', join(folder, 'log'), '--receipt', join(folder, 'receipt.json')];
    return [...to, ...this.#access(route), '--require-referrers', ...files];
  }

  #access(route: Route): string[] {
    const isSecure = route.way === 'tls' || route.way === 'tunnel';
    const authorities = isSecure ? ['--ca-file', join(this.home, 'authorities.pem')] : [];
    const sides = (['source', 'target'] as const).filter((side) => !isSecure || side !== route.side);
    const hosts = [...sides.flatMap((side) => [this.host(side, route), this.proxies[side].elsewhere])];
    return [...authorities, ...[...hosts, 'no-such-host.invalid'].flatMap((host) => ['--plain-http', host])];
  }

  /** Runs the command line in this process. */
  async run(args: readonly string[], workspace: Workspace, route: Route): Promise<Trial> {
    this.begin(route);
    const terminal = new Terminal(args, this.env(workspace, route), workspace.folder);
    let isHung = false;
    const alarm = wait(() => {
      isHung = true;
      terminal.emit('SIGINT');
    }, LONGEST_RUN);
    const ended = await terminal.run();
    clearTimeout(alarm);
    const { source, target } = this.proxies;
    const requests = { source: [...source.requests], target: [...target.requests] };
    return { ...ended, requests, leaks: [...source.leaks, ...target.leaks], isHung };
  }

  /** Begins a run at both proxies. */
  begin({ side, plan }: Route): void {
    for (const each of ['source', 'target'] as const) this.proxies[each].begin(each === side ? plan : undefined);
  }
}

/** The images of the workload that are bundled or mirrored without the chart. */
const IMAGES = ['team/app:1', 'team/tool:2'];

/** Options of a pull: bundle the chart or only its images, and the way to the registry. */
export interface Pulled {
  readonly chart: boolean;
  readonly way?: Way | undefined;
}

/** Folders and files of one case. */
export interface Workspace {
  readonly name: string;
  readonly folder: string;
  readonly temporary: string;
  readonly file: string;
}

export function hashOf(file: string): string {
  return digestOf(readFileSync(file));
}

/** Step of a request, without the case's own prefix. */
export function stepOf({ step }: Pick<RecordedRequest, 'step'>): string {
  return step.replaceAll(/case-[\d-]+\//g, '');
}

export function filesIn(folder: string): string[] {
  return readdirSync(folder).sort();
}
