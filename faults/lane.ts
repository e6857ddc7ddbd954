import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers';
import { cleanEnvironment } from '../test/support/cli.ts';
import { type FaultProxy, type Passage, type Plan, startFaultProxy } from '../test/support/fault-proxy.ts';
import type { TestRegistry } from '../test/support/registry.ts';
import { type Ended, Terminal } from '../test/unit/cli/terminal.ts';

export type Direction = 'pull' | 'push';

const ACCOUNT = 'airgap:a-word-nobody-may-see';

/** A name that no resolver knows and that is reached through a proxy only. */
const PROXIED = 'registry.test';

/** Real milliseconds that a run may take before it counts as hanging. */
const LONGEST_RUN = 90_000;

/** One run and what was seen of it. */
export interface Trial extends Ended {
  readonly passages: readonly Passage[];
  readonly leaks: readonly string[];
  readonly isHung: boolean;
}

/** A place of its own for runs one after the other: a folder, a proxy, and what runs without faults do. */
export class Lane {
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
    const auth = Buffer.from(ACCOUNT).toString('base64');
    const auths = Object.fromEntries([proxy.host, PROXIED].map((host) => [host, { auth }]));
    writeFileSync(join(home, '.docker/config.json'), JSON.stringify({ auths }));
    this.#account = cleanEnvironment(home);
  }

  /** @param folder of all lanes */
  static async start(source: TestRegistry, folder: string): Promise<Lane> {
    return new Lane(source, await startFaultProxy(source.host, ACCOUNT), mkdtempSync(join(folder, 'lane-')));
  }

  /** A folder for one case, empty, whose name is also the prefix of what it pushes. */
  place(): Place {
    const name = `case-${process.pid}-${++this.#count}-${this.proxy.host.replace(/.*:/, '')}`;
    const folder = join(this.home, name);
    const temporary = join(this.home, `${name}-tmp`);
    for (const path of [folder, temporary]) mkdirSync(path);
    return { name, folder, temporary, file: join(folder, 'out.tar') };
  }

  leave({ folder, temporary }: Place): void {
    for (const path of [folder, temporary]) rmSync(path, { recursive: true, force: true });
  }

  host(proxied = false): string {
    return proxied ? PROXIED : this.proxy.host;
  }

  env({ temporary }: Place, proxied = false): Record<string, string> {
    const way: Record<string, string> = proxied ? { HTTP_PROXY: `http://${this.proxy.host}` } : {};
    return { ...this.#account, TMPDIR: temporary, ...way };
  }

  /** Two images, and the chart that wants them when told so: Helm takes longer than everything else. */
  pullArgs({ file }: Place, { chart, proxied = false }: Pulled): string[] {
    const host = this.host(proxied);
    const images = ['--image', 'upstream.example/team/app:1', '--image', 'upstream.example/team/tool:2'];
    const wanted = chart ? [`oci://${host}/charts/demo`, '--version', '1.0.0'] : images;
    return ['bundle', ...wanted, '--mirror', `upstream.example=${host}`, ...this.#plain(proxied), '--out', file];
  }

  /** Into repositories that begin with the place's name, by default of what `pullArgs` made. */
  pushArgs({ name, folder }: Place, bundle: string, proxied = false): string[] {
    const told = ['--log-file', join(folder, 'log'), '--receipt', join(folder, 'receipt.json')];
    const to = ['--to', `${this.host(proxied)}/${name}`, '--naming', 'path'];
    return ['push', bundle, ...to, ...this.#plain(proxied), ...told];
  }

  #plain(proxied: boolean): string[] {
    const hosts = [this.host(proxied), this.proxy.elsewhere, 'no-such-host.invalid'];
    return hosts.flatMap((host) => ['--plain-http', host]);
  }

  /** Runs the command line in this process. */
  async run(args: readonly string[], place: Place, proxied = false, plan?: Plan): Promise<Trial> {
    this.proxy.begin(plan);
    const terminal = new Terminal(args, this.env(place, proxied), place.folder);
    let isHung = false;
    const alarm = wait(() => {
      isHung = true;
      terminal.emit('SIGINT');
    }, LONGEST_RUN);
    const ended = await terminal.run();
    clearTimeout(alarm);
    return { ...ended, passages: [...this.proxy.passages], leaks: [...this.proxy.leaks], isHung };
  }
}

/** What is pulled, and which way. */
export interface Pulled {
  readonly chart: boolean;
  readonly proxied?: boolean | undefined;
}

/** Where one case happens. */
export interface Place {
  readonly name: string;
  readonly folder: string;
  readonly temporary: string;
  readonly file: string;
}

export function hashOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

/** The step of a passage without what differs from case to case. */
export function stepOf({ step }: Pick<Passage, 'step'>): string {
  return step.replaceAll(/case-[\d-]+\//g, '');
}

export function filesIn(folder: string): string[] {
  return readdirSync(folder).sort();
}
