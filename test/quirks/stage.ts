import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { launcher } from '../support/cli.ts';
import { type ProxyOptions, startProxy, type TestProxy } from '../support/proxy.ts';
import { scratchFolder } from '../support/scratch.ts';
import { authority } from './fake/authority.ts';
import { type Item, image } from './fake/content.ts';
import { type RawRequest, type RawServer, startRaw } from './fake/raw.ts';
import { type FakeOptions, FakeRegistry } from './fake/registry.ts';

/** Result of a run of the plugin. */
export interface Run {
  readonly code: number;
  /** Standard output, then standard error. */
  readonly text: string;
  readonly seconds: number;
  /** It was killed after the time-out. */
  readonly isLate: boolean;
}

export interface RunOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds after which it is killed, 150,000 unless given. */
  readonly timeout?: number;
  /** Written to its standard input. */
  readonly input?: string;
}

export interface BundleOptions extends RunOptions {
  /** File name of the bundle, `bundle.tar` unless given. */
  readonly out?: string;
}

/** Seconds that a busy machine may add. */
const BUSY = 30;

/** Maximum number of characters of the output in the message of a failed check. */
const SHOWN = 3000;

/** Home, files and fakes of one case. Runs the built plugin as a child process. */
export class Stage {
  readonly folder = scratchFolder();
  /** Variables for every run. */
  readonly env: Record<string, string> = {};
  /** Flags for every run of bundle and push. */
  readonly flags: string[] = [];
  readonly #fakes: { stop(): void }[] = [];
  readonly #codeCache: string;

  /** @param codeCache folder of Node's compile cache, for all cases */
  constructor(codeCache: string) {
    this.#codeCache = codeCache;
    mkdirSync(join(this.folder, 'home'));
  }

  async fake(options: FakeOptions = {}): Promise<FakeRegistry> {
    const registry = await FakeRegistry.start(options);
    this.#fakes.push(registry);
    return registry;
  }

  async raw(answer: (request: RawRequest) => void): Promise<RawServer> {
    const server = await startRaw(answer);
    this.#fakes.push(server);
    return server;
  }

  async proxy(route: (host: string, port: number) => number | undefined, options?: ProxyOptions): Promise<TestProxy> {
    const proxy = await startProxy(route, options);
    this.#fakes.push(proxy);
    return proxy;
  }

  /**
   * Gives fakes the names of real hosts, through a proxy, and trusts their certificate.
   * @param plain fakes for plain HTTP on port 80
   */
  async hosts(
    fakes: Readonly<Record<string, FakeRegistry>>,
    plain: Readonly<Record<string, FakeRegistry>> = {},
  ): Promise<TestProxy> {
    const proxy = await this.proxy((host, port) => (port === 80 ? plain : fakes)[host]?.port);
    Object.assign(this.env, { HTTPS_PROXY: proxy.url, NO_PROXY: '' });
    if (Object.keys(plain).length > 0) this.env.HTTP_PROXY = proxy.url;
    this.trust();
    return proxy;
  }

  /** Trusts the fakes' authority. @returns its file */
  trust(): string {
    const file = this.file('authority.pem', authority().ca);
    this.flags.push('--ca-file', file);
    return file;
  }

  /** Writes a file below the case's folder. @returns its path */
  file(name: string, content: string | object): string {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  }

  /** Writes Docker's config.json. */
  docker(config: object): void {
    this.file('home/.docker/config.json', config);
  }

  /** Stores a login as `docker login` does. */
  login(host: string, user: string, password: string): void {
    this.docker({ auths: { [host]: login(user, password) } });
  }

  /** Puts a credential helper, a shell script, on the PATH. */
  helper(name: string, script: string): void {
    chmodSync(this.file(`bin/docker-credential-${name}`, `#!/bin/sh\n${script}\n`), 0o755);
  }

  async run(args: readonly string[], { timeout = 150_000, env = {}, input = '' }: RunOptions = {}): Promise<Run> {
    const began = performance.now();
    const own = {
      PATH: `${join(this.folder, 'bin')}:${process.env.PATH}`,
      HOME: join(this.folder, 'home'),
      TMPDIR: this.folder,
      AWS_EC2_METADATA_DISABLED: 'true',
      NODE_COMPILE_CACHE: this.#codeCache,
    };
    const { exitCode, stdout, stderr, timedOut } = await execa(launcher, args, {
      env: { ...own, ...this.env, ...env },
      extendEnv: false,
      cwd: this.folder,
      reject: false,
      input,
      timeout,
      killSignal: 'SIGKILL',
    });
    const seconds = (performance.now() - began) / 1000;
    return { code: exitCode ?? -1, text: `${stdout}\n${stderr}`, seconds, isLate: timedOut };
  }

  /** Bundles images by their names; those of fakes without TLS by plain HTTP. */
  bundle(
    fakes: FakeRegistry | readonly FakeRegistry[],
    images: string | readonly string[],
    { args = [], out = 'bundle.tar', ...options }: BundleOptions = {},
  ): Promise<Run> {
    const names = [images].flat().flatMap((name) => ['--image', name]);
    return this.run(['bundle', ...names, ...plainHttp(fakes), ...this.flags, '--out', out, ...args], options);
  }

  push(
    file: string,
    to: string,
    fakes: FakeRegistry | readonly FakeRegistry[],
    { args = [], ...options }: RunOptions = {},
  ): Promise<Run> {
    return this.run(['push', file, '--to', to, ...plainHttp(fakes), ...this.flags, ...args], options);
  }

  /**
   * Makes a bundle from a registry without quirks, with team/app:1 by default.
   * @param fill adds images to the registry and returns their names
   */
  async bundleToPush(fill: (source: FakeRegistry) => readonly string[] = fillWithOne): Promise<BundleToPush> {
    const source = await this.fake();
    const file = 'to-push.tar';
    const names = fill(source).map((name) => `${source.host}/${name}`);
    this.succeeds(await this.bundle(source, names, { out: file }), 'the bundle for the push');
    return { file, source, prefix: source.host.replace(':', '-') };
  }

  /** Checks that `bundle` succeeded, and verifies every byte of the bundle. */
  async verifies(run: Run): Promise<void> {
    this.succeeds(run);
    this.succeeds(await this.run(['verify', 'bundle.tar']), 'verify');
  }

  /** Returns whether the bundle of `bundle` has an item, by pushing it to a registry. */
  async includes(item: Item): Promise<boolean> {
    const target = await this.fake();
    this.succeeds(await this.push('bundle.tar', `${target.host}/m`, target), 'the push of the bundle');
    return target.holds(item);
  }

  succeeds(run: Run, name = 'the run'): void {
    this.#ended(run);
    this.check(run.code === 0, `${name} ends with ${run.code}`, run);
  }

  /**
   * Checks that a run fails in time, and that its output has all these facts.
   * @param within seconds, 150 unless given
   */
  fails(
    run: Run,
    facts: RegExp | readonly RegExp[],
    { within = 150, code }: { readonly within?: number; readonly code?: number } = {},
  ): void {
    this.#ended(run);
    this.check(run.code !== 0, 'it succeeds, and should not', run);
    this.check(code === undefined || run.code === code, `it ends with ${run.code} and not ${code}`, run);
    for (const fact of [facts].flat()) this.check(fact.test(run.text), `its output lacks ${fact}`, run);
    this.soon(run, within);
  }

  /** Checks that a run took at most `within` seconds, with some tolerance for a busy machine. */
  soon(run: Run, within: number): void {
    this.check(run.seconds <= within + BUSY, `it took ${run.seconds.toFixed(1)} s, more than ${within} s`, run);
  }

  #ended(run: Run): void {
    this.check(!run.isLate, 'it does not end in time', run);
  }

  check(condition: unknown, message: string, run?: Run): void {
    if (!condition) throw new Error(run === undefined ? message : `${message}:\n${run.text.trim().slice(-SHOWN)}`);
  }

  close(): void {
    for (const fake of this.#fakes) fake.stop();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

export interface BundleToPush {
  readonly file: string;
  /** Registry that it was made from. */
  readonly source: FakeRegistry;
  /** Prefix of its repositories below the target. */
  readonly prefix: string;
}

/** Entry of Docker's config.json. */
export function login(user: string, password: string): { readonly auth: string } {
  return { auth: Buffer.from(`${user}:${password}`).toString('base64') };
}

function plainHttp(fakes: FakeRegistry | readonly FakeRegistry[]): string[] {
  return [fakes].flat().flatMap(({ tls, host }) => (tls ? [] : ['--plain-http', host]));
}

function fillWithOne(source: FakeRegistry): string[] {
  source.put('team/app', '1', image());
  return ['team/app:1'];
}
