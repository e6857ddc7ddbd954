import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, type TestContext, test } from 'vitest';
import { airgap, airgapOk, program, type Run } from '../support/cli.ts';
import { expectLine } from '../support/facts.ts';
import { pushImage } from '../support/images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { startTamperingProxy, type TamperingProxy } from '../support/tampering-proxy.ts';

/** Interrupted runs: data on disk is not fetched again, and the bundle is the same to the byte. */

const home = scratchFolder();
const TAGS = ['1', '2', '3'];
/** Bytes of a layer; two layers an image. */
const SIZE = 4_000_000;
let upstream: TestRegistry;
/** Bytes of layers and configs of all tags. */
let total = 0;

beforeAll(async () => {
  upstream = await startRegistry();
  for (const tag of [...TAGS, 'later']) {
    const platforms = ['linux/amd64', 'linux/arm64'];
    await pushImage(upstream.host, 'team/app', tag, { size: SIZE, platforms });
  }
  const link = await Link.start('fast');
  await airgapOk(bundle(link, 'whole.tar'), home);
  total = link.served;
  await airgapOk(bundle(link, 'whole-more.tar', [...TAGS, 'later']), home);
  await link.stop();
});
afterAll(() => upstream.stop());

/** Slower than disk and program: 0.8 MB/s for each connection. */
const SLOW = { kind: 'drip', bytes: 8_000, everyMs: 10 } as const;

/** The way to the registry. Each test has its own. */
class Link {
  /** Bytes of layers and configs that came over it. */
  served = 0;
  #mark = { at: Number.POSITIVE_INFINITY, reached: () => {} };
  #proxy: TamperingProxy | undefined;

  static async start(pace: 'slow' | 'fast' = 'slow'): Promise<Link> {
    const link = new Link();
    const isBlob = (path: string): boolean => path.includes('/blobs/');
    link.#proxy = await startTamperingProxy(
      upstream.host,
      (_, path) => (isBlob(path) && pace === 'slow' ? SLOW : undefined),
      (path, bytes) => {
        if (isBlob(path)) link.#count(bytes);
      },
    );
    return link;
  }

  #count(bytes: number): void {
    this.served += bytes;
    if (this.served < this.#mark.at) return;
    this.#mark.at = Number.POSITIVE_INFINITY;
    this.#mark.reached();
  }

  get host(): string {
    return this.#proxy?.host ?? '';
  }

  /** Waits until `bytes` more bytes were served. */
  until(bytes: number): Promise<void> {
    return new Promise((reached) => {
      this.#mark = { at: this.served + bytes, reached };
    });
  }

  async stop(): Promise<void> {
    await this.#proxy?.stop();
  }
}

const out = (name: string): string => join(home, name);
const bundle = (link: Link, name: string, tags: readonly string[] = TAGS): string[] => [
  'bundle',
  ...tags.flatMap((tag) => ['--image', `${upstream.host}/team/app:${tag}`]),
  ...['--mirror', `${upstream.host}=${link.host}`, '--plain-http', link.host, '--out', out(name)],
];
const leftovers = (name: string): string[] => readdirSync(home).filter((file) => file.startsWith(name));
const isSame = (name: string, other: string): boolean => readFileSync(out(name)).equals(readFileSync(out(other)));

/** Runs until `bytes` more bytes were served, then sends the signal. */
function cutAt(link: Link, bytes: number, signal: NodeJS.Signals, args: readonly string[]): Promise<Run> {
  return airgap(args, home, { interruptAt: { signal, when: link.until(bytes) } });
}

/** Removes what an earlier try of the test left, and starts a link. */
async function fresh({ onTestFinished }: TestContext, name: string): Promise<{ name: string; link: Link }> {
  for (const file of leftovers(name)) rmSync(out(file));
  const link = await Link.start();
  onTestFinished(() => link.stop());
  return { name, link };
}

/** The tests mostly wait for their links. */
const concurrent = { concurrent: true };
/** On a busy machine the link may run ahead of the process, and data in flight is lost with it. */
const timed = { ...concurrent, retry: 2 };

test.for([0.05, 0.5, 0.95])(
  'killed at a share of %d of the bytes, the next run fetches the rest',
  timed,
  async (share, context) => {
    const { name, link } = await fresh(context, `killed-${share}.tar`);
    expect((await cutAt(link, share * total, 'SIGKILL', bundle(link, name))).code).not.toBe(0);
    expect(existsSync(out(name))).toBe(false);
    link.served = 0;
    const run = await airgapOk([...bundle(link, name), '-o', 'json'], home);
    expect(link.served).toBeLessThanOrEqual((1 - share + 0.01) * total);
    expect(JSON.parse(run.stdout).resumed).toBeGreaterThan(0);
    expect(isSame(name, 'whole.tar')).toBe(true);
    expect(leftovers(name)).toEqual([name]);
  },
);

test('killed several times, hardly a byte is fetched twice', concurrent, async (context) => {
  const { name, link } = await fresh(context, 'often.tar');
  for (let kills = 0; kills < 4; kills++) await cutAt(link, 0.2 * total, 'SIGKILL', bundle(link, name));
  await airgapOk(bundle(link, name), home);
  expect(link.served).toBeLessThanOrEqual(1.2 * total);
  expect(isSame(name, 'whole.tar')).toBe(true);
});

test('after Ctrl-C the error says how much is on disk', timed, async (context) => {
  const { name, link } = await fresh(context, 'stopped.tar');
  const run = await cutAt(link, 0.5 * total, 'SIGINT', bundle(link, name));
  expect(run.code).toBe(130);
  expectLine(run.stderr, /^Error: .*interrupt/i, 'stopped.tar.partial');
  const [, written, all] = /^Error: .*?(\d+) of (\d+) bytes/m.exec(run.stderr) ?? [];
  expect(Number(written)).toBeGreaterThan(0.48 * Number(all));
  expectLine(run.stderr, /^Hint: /);
  link.served = 0;
  await airgapOk(bundle(link, name), home);
  expect(link.served).toBeLessThanOrEqual(0.51 * total);
  expect(isSame(name, 'whole.tar')).toBe(true);
});

test('with a further image in the next run, data on disk is not fetched again either', timed, async (context) => {
  const { name, link } = await fresh(context, 'more.tar');
  await cutAt(link, 0.6 * total, 'SIGINT', bundle(link, name));
  link.served = 0;
  const run = await airgapOk([...bundle(link, name, [...TAGS, 'later']), '-o', 'json'], home);
  expect(JSON.parse(run.stdout).resumed).toBeGreaterThan(0);
  expect(link.served).toBeLessThanOrEqual((0.41 + 1 / TAGS.length) * total);
  expect(leftovers(name)).toEqual([name]);
  expect(isSame(name, 'whole-more.tar')).toBe(true);
});

test('a second run with the same output ends at once, and names the process that writes', timed, async (context) => {
  const { name, link } = await fresh(context, 'two.tar');
  const [reached, first] = [link.until(0.1 * total), airgap(bundle(link, name), home)];
  await reached;
  // Resolving this image would fail: the lock on the partial file is checked before.
  const second = await airgap(['bundle', '--image', 'registry.invalid/none:1', '--out', out(name)], home);
  expect(second.code).toBe(1);
  const { pid } = JSON.parse(readFileSync(`${out(name)}.partial.lock`, 'utf8')) as { pid: number };
  expectLine(second.stderr, /^Error: /, new RegExp(`\\b${pid}\\b`));
  expect((await first).code).toBe(0);
  expect([link.served <= total, isSame(name, 'whole.tar'), leftovers(name)]).toEqual([true, true, [name]]);
});

test('with nothing new, no blob is fetched and the file is not written', concurrent, async (context) => {
  const { link } = await fresh(context, 'none');
  const { mtimeMs } = statSync(out('whole.tar'));
  const run = await airgapOk([...bundle(link, 'whole.tar'), '-o', 'json'], home);
  expect(JSON.parse(run.stdout)).toMatchObject({ status: 'up-to-date' });
  expect(link.served).toBe(0);
  expect(statSync(out('whole.tar')).mtimeMs).toBe(mtimeMs);
  expect(leftovers('whole.tar')).toEqual(['whole.tar']);
});

test('blobs of a bundle that is replaced are not fetched again', concurrent, async (context) => {
  const { name, link } = await fresh(context, 'replaced.tar');
  await airgapOk(bundle(link, name, ['later']), home);
  link.served = 0;
  const run = await airgapOk([...bundle(link, name, [...TAGS, 'later']), '--force', '-o', 'json'], home);
  expect(JSON.parse(run.stdout).reused).toBeGreaterThan(0);
  expect(link.served).toBeLessThanOrEqual(total);
  expect(isSame(name, 'whole-more.tar')).toBe(true);
});

test('a disk that is full half-way: data on disk is kept, and continued once there is space', {
  concurrent: true,
}, async (context) => {
  const { name, link } = await fresh(context, 'full.tar');
  // From now on files cannot grow beyond this size, as on a full disk.
  const running = airgap(bundle(link, name), home, {
    started: async (pid) => {
      await link.until(0.3 * total);
      await program('prlimit', [`--pid=${pid}`, `--fsize=${Math.floor(total / 2)}`], home);
    },
  });
  const run = await running;
  expect(run.code).toBe(1);
  expectLine(run.stderr, /^Error: /, /full\.tar|EFBIG|ENOSPC/);
  expectLine(run.stderr, /^Hint: /);
  expect(leftovers(name).sort()).toEqual([`${name}.partial`, `${name}.partial.journal`]);
  link.served = 0;
  await airgapOk(bundle(link, name), home);
  expect(link.served).toBeLessThan(0.75 * total);
  expect(isSame(name, 'whole.tar')).toBe(true);
});
