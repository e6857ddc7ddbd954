import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers';
import { cleanEnvironment } from '../../test/support/cli.ts';
import { digestOf } from '../../test/support/digest.ts';
import { type FaultProxy, type Plan, type RecordedRequest, startFaultProxy } from '../../test/support/fault-proxy.ts';
import type { TestRegistry } from '../../test/support/registry.ts';
import { type Ended, Terminal } from '../../test/support/terminal.ts';
import type { Way } from './kind.ts';

export type Direction = 'pull' | 'push';

const ACCOUNT = 'airgap:a-word-nobody-may-see';

/** A name that does not resolve, and that only proxies can reach. */
const PROXIED = 'registry.test';

/** Milliseconds of real time after which a run counts as hanging: far more than it takes on a busy machine. */
const LONGEST_RUN = 300_000;

/** One run, its requests and leaked credentials. */
export interface Trial extends Ended {
  readonly requests: readonly RecordedRequest[];
  readonly leaks: readonly string[];
  readonly isHung: boolean;
}

/** Runs one case after the other, with a folder and a fault proxy of its own. */
export class Worker {
  readonly source: TestRegistry;
  readonly proxy: FaultProxy;
  readonly home: string;
  readonly #account: Record<string, string>;
  #count = 0;

  private constructor(source: TestRegistry, proxy: FaultProxy, home: string) {
    this.source = source;
    this.proxy = proxy;
    this.home = home;
    mkdirSync(join(home, '.docker'));
    writeFileSync(join(home, 'authority.pem'), proxy.tlsFront.authority);
    const auth = Buffer.from(ACCOUNT).toString('base64');
    const auths = Object.fromEntries([proxy.host, proxy.tlsFront.host, PROXIED].map((host) => [host, { auth }]));
    writeFileSync(join(home, '.docker/config.json'), JSON.stringify({ auths }));
    this.#account = cleanEnvironment(home);
  }

  /** @param folder folder of all workers */
  static async start(source: TestRegistry, folder: string): Promise<Worker> {
    return new Worker(
      source,
      await startFaultProxy(source.host, ACCOUNT, PROXIED),
      mkdtempSync(join(folder, 'worker-')),
    );
  }

  /** Creates an empty folder for one case. Its name is also the prefix of what the case pushes. */
  createWorkspace(): Workspace {
    const name = `case-${process.pid}-${++this.#count}-${this.proxy.host.replace(/.*:/, '')}`;
    const folder = join(this.home, name);
    const temporary = join(this.home, `${name}-tmp`);
    for (const path of [folder, temporary]) mkdirSync(path);
    return { name, folder, temporary, file: join(folder, 'out.tar') };
  }

  removeWorkspace({ folder, temporary }: Workspace): void {
    for (const path of [folder, temporary]) rmSync(path, { recursive: true, force: true });
  }

  host(way: Way = 'direct'): string {
    return { direct: this.proxy.host, proxy: PROXIED, tls: this.proxy.tlsFront.host, tunnel: PROXIED }[way];
  }

  env({ temporary }: Workspace, way: Way = 'direct'): Record<string, string> {
    const proxy: Partial<Record<Way, Record<string, string>>> = {
      proxy: { HTTP_PROXY: `http://${this.proxy.host}` },
      tunnel: { HTTPS_PROXY: this.proxy.tlsFront.proxy },
    };
    return { ...this.#account, TMPDIR: temporary, ...proxy[way] };
  }

  /** Arguments to bundle two images, or the chart that uses them: runs with Helm take longer than all others. */
  pullArgs({ file }: Workspace, { chart, way = 'direct' }: Pulled): string[] {
    const host = this.host(way);
    const images = ['--image', 'upstream.example/team/app:1', '--image', 'upstream.example/team/tool:2'];
    const wanted = chart ? [`oci://${host}/charts/demo`, '--version', '1.0.0'] : images;
    return [
      'bundle',
      ...wanted,
      '--mirror',
      `upstream.example=${host}`,
      ...this.#access(way),
      '--require-referrers',
      '--out',
      file,
    ];
  }

  /** Arguments to push to repositories below the case's name. */
  pushArgs({ name, folder }: Workspace, bundle: string, way: Way = 'direct'): string[] {
    const checked = [
      '--require-referrers',
      '--log-file',
      join(folder, 'log'),
      '--receipt',
      join(folder, 'receipt.json'),
    ];
    const to = ['--to', `${this.host(way)}/${name}`, '--naming', 'path'];
    return ['push', bundle, ...to, ...this.#access(way), ...checked];
  }

  #access(way: Way): string[] {
    if (way === 'tls' || way === 'tunnel') return ['--ca-file', join(this.home, 'authority.pem')];
    const hosts = [this.host(way), this.proxy.elsewhere, 'no-such-host.invalid'];
    return hosts.flatMap((host) => ['--plain-http', host]);
  }

  /** Runs the command line in this process. */
  async run(args: readonly string[], workspace: Workspace, way: Way = 'direct', plan?: Plan): Promise<Trial> {
    this.proxy.begin(plan);
    const terminal = new Terminal(args, this.env(workspace, way), workspace.folder);
    let isHung = false;
    const alarm = wait(() => {
      isHung = true;
      terminal.emit('SIGINT');
    }, LONGEST_RUN);
    const ended = await terminal.run();
    clearTimeout(alarm);
    return { ...ended, requests: [...this.proxy.requests], leaks: [...this.proxy.leaks], isHung };
  }
}

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
