import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
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
let link: TamperingProxy;
/** Bytes of layers and configs that came over the link, and the number that `until` waits for. */
let served = 0;
let mark = { at: Number.POSITIVE_INFINITY, reached: () => {} };
/** Bytes of layers and configs of all tags. */
let total = 0;

beforeAll(async () => {
  upstream = await startRegistry();
  for (const tag of [...TAGS, 'later']) {
    const platforms = ['linux/amd64', 'linux/arm64'];
    await pushImage(upstream.host, 'team/app', tag, { size: SIZE, platforms });
  }
  // A link that is slower than disk and program: 1.6 MB/s for each connection.
  const slow = { kind: 'drip', bytes: 16_000, everyMs: 10 } as const;
  const isBlob = (path: string): boolean => path.includes('/blobs/');
  link = await startTamperingProxy(
    upstream.host,
    (_, path) => (isBlob(path) ? slow : undefined),
    (path, bytes) => {
      if (!isBlob(path)) return;
      served += bytes;
      if (served >= mark.at) mark.reached();
    },
  );
  await airgapOk(bundle('whole.tar'), home);
  total = served;
});
afterAll(async () => {
  await link.stop();
  await upstream.stop();
});
beforeEach(() => {
  served = 0;
});

const out = (name: string): string => join(home, name);
const bundle = (name: string, tags: readonly string[] = TAGS): string[] => [
  'bundle',
  ...tags.flatMap((tag) => ['--image', `${upstream.host}/team/app:${tag}`]),
  ...['--mirror', `${upstream.host}=${link.host}`, '--plain-http', link.host, '--out', out(name)],
];
const leftovers = (name: string): string[] => readdirSync(home).filter((file) => file.startsWith(name));
const isSame = (name: string, other: string): boolean => readFileSync(out(name)).equals(readFileSync(out(other)));

/** Waits until `bytes` more bytes were served. */
function until(bytes: number): Promise<void> {
  return new Promise((reached) => {
    mark = { at: served + bytes, reached };
  });
}

/** Runs until `bytes` bytes were served, then sends the signal. */
async function cutAt(bytes: number, signal: NodeJS.Signals, args: readonly string[]): Promise<Run> {
  const run = await airgap(args, home, { interruptAt: { signal, when: until(bytes) } });
  mark = { at: Number.POSITIVE_INFINITY, reached: () => {} };
  return run;
}

/** Removes what an earlier try of the test left. */
function fresh(name: string): string {
  for (const file of leftovers(name)) rmSync(out(file));
  served = 0;
  return name;
}

/** On a busy machine the link may run ahead of the process, and data in flight is lost with it. */
const timed = { retry: 2 };

test.each([0.05, 0.5, 0.95])(
  'killed at a share of %d of the bytes, the next run fetches the rest',
  timed,
  async (share) => {
    const name = fresh(`killed-${share}.tar`);
    expect((await cutAt(share * total, 'SIGKILL', bundle(name))).code).not.toBe(0);
    expect(existsSync(out(name))).toBe(false);
    served = 0;
    const run = await airgapOk([...bundle(name), '-o', 'json'], home);
    expect(served).toBeLessThanOrEqual((1 - share + 0.01) * total);
    expect(JSON.parse(run.stdout).resumed).toBeGreaterThan(0);
    expect(isSame(name, 'whole.tar')).toBe(true);
    expect(leftovers(name)).toEqual([name]);
  },
);

test('killed several times, hardly a byte is fetched twice', async () => {
  const name = fresh('often.tar');
  for (let kills = 0; kills < 4; kills++) await cutAt(0.2 * total, 'SIGKILL', bundle(name));
  await airgapOk(bundle(name), home);
  expect(served).toBeLessThanOrEqual(1.2 * total);
  expect(isSame(name, 'whole.tar')).toBe(true);
});

test('after Ctrl-C the error says how much is on disk', timed, async () => {
  const name = fresh('stopped.tar');
  const run = await cutAt(0.5 * total, 'SIGINT', bundle(name));
  expect(run.code).toBe(130);
  expectLine(run.stderr, /^Error: .*interrupt/i, 'stopped.tar.partial');
  const [, written, all] = /^Error: .*?(\d+) of (\d+) bytes/m.exec(run.stderr) ?? [];
  expect(Number(written)).toBeGreaterThan(0.48 * Number(all));
  expectLine(run.stderr, /^Hint: /);
  served = 0;
  await airgapOk(bundle(name), home);
  expect(served).toBeLessThanOrEqual(0.51 * total);
  expect(isSame(name, 'whole.tar')).toBe(true);
});

test('with a further image in the next run, data on disk is not fetched again either', timed, async () => {
  const name = fresh('more.tar');
  await cutAt(0.6 * total, 'SIGINT', bundle(name));
  served = 0;
  const run = await airgapOk([...bundle(name, [...TAGS, 'later']), '-o', 'json'], home);
  expect(JSON.parse(run.stdout).resumed).toBeGreaterThan(0);
  expect(served).toBeLessThanOrEqual((0.41 + 1 / TAGS.length) * total);
  expect(leftovers(name)).toEqual([name]);
  await airgapOk(bundle('whole-more.tar', [...TAGS, 'later']), home);
  expect(isSame(name, 'whole-more.tar')).toBe(true);
});

test('a second run with the same output ends at once, and names the process that writes', timed, async () => {
  const name = fresh('two.tar');
  const [reached, first] = [until(0.1 * total), airgap(bundle(name), home)];
  await reached;
  // Resolving this image would fail: the lock on the partial file is checked before.
  const second = await airgap(['bundle', '--image', 'registry.invalid/none:1', '--out', out(name)], home);
  expect(second.code).toBe(1);
  const { pid } = JSON.parse(readFileSync(`${out(name)}.partial.lock`, 'utf8')) as { pid: number };
  expectLine(second.stderr, /^Error: /, new RegExp(`\\b${pid}\\b`));
  expect((await first).code).toBe(0);
  mark = { at: Number.POSITIVE_INFINITY, reached: () => {} };
  expect([served <= total, isSame(name, 'whole.tar'), leftovers(name)]).toEqual([true, true, [name]]);
});

test('with nothing new, no blob is fetched and the file is not written', async () => {
  const { mtimeMs } = statSync(out('whole.tar'));
  const run = await airgapOk([...bundle('whole.tar'), '-o', 'json'], home);
  expect(JSON.parse(run.stdout)).toMatchObject({ status: 'up-to-date' });
  expect(served).toBe(0);
  expect(statSync(out('whole.tar')).mtimeMs).toBe(mtimeMs);
  expect(leftovers('whole.tar')).toEqual(['whole.tar']);
});

test('blobs of a bundle that is replaced are not fetched again', async () => {
  const name = fresh('replaced.tar');
  await airgapOk(bundle(name, ['later']), home);
  served = 0;
  const run = await airgapOk([...bundle(name, [...TAGS, 'later']), '--force', '-o', 'json'], home);
  expect(JSON.parse(run.stdout).reused).toBeGreaterThan(0);
  expect(served).toBeLessThanOrEqual(total);
  expect(isSame(name, 'whole-more.tar')).toBe(true);
});

test('a disk that is full half-way: data on disk is kept, and continued once there is space', async () => {
  const name = fresh('full.tar');
  // From now on files cannot grow beyond this size, as on a full disk.
  const running = airgap(bundle(name), home, {
    started: async (pid) => {
      await until(0.3 * total);
      await program('prlimit', [`--pid=${pid}`, `--fsize=${Math.floor(total / 2)}`], home);
    },
  });
  const run = await running;
  expect(run.code).toBe(1);
  expectLine(run.stderr, /^Error: /, /full\.tar|EFBIG|ENOSPC/);
  expectLine(run.stderr, /^Hint: /);
  expect(leftovers(name).sort()).toEqual([`${name}.partial`, `${name}.partial.journal`]);
  served = 0;
  await airgapOk(bundle(name), home);
  expect(served).toBeLessThan(0.75 * total);
  expect(isSame(name, 'whole.tar')).toBe(true);
});
