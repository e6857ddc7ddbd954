import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { airgap, airgapOk, program, type Run } from '../support/cli.ts';
import { pushImage } from '../support/images.ts';
import { type Meddler, startMeddler } from '../support/meddler.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';

/** Runs that end before their time: what is in place is not fetched again, and the bundle is the same to the byte. */

const home = scratchFolder();
const TAGS = ['1', '2', '3'];
/** Of a layer; two an image. */
const SIZE = 4_000_000;
let upstream: TestRegistry;
let link: Meddler;
/** Bytes of layers and configs that came over the link, and who waits for how many. */
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
  link = await startMeddler(
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

/** Waits until so many more bytes were served. */
function until(bytes: number): Promise<void> {
  return new Promise((reached) => {
    mark = { at: served + bytes, reached };
  });
}

/** Runs until so many bytes were served, and not further. */
async function cutAt(bytes: number, signal: NodeJS.Signals, args: readonly string[]): Promise<Run> {
  const run = await airgap(args, home, { interruptAt: { signal, when: until(bytes) } });
  mark = { at: Number.POSITIVE_INFINITY, reached: () => {} };
  return run;
}

/** Nothing of what an earlier try of the test has left. */
function fresh(name: string): string {
  for (const file of leftovers(name)) rmSync(out(file));
  served = 0;
  return name;
}

/** The link goes on while a busy machine does not, and what is under way then is lost with the process. */
const timed = { retry: 2 };

test.each([0.05, 0.5, 0.95])('killed at %d of the bytes, it fetches what is missing', timed, async (share) => {
  const name = fresh(`killed-${share}.tar`);
  expect((await cutAt(share * total, 'SIGKILL', bundle(name))).code).not.toBe(0);
  expect(existsSync(out(name))).toBe(false);
  served = 0;
  const run = await airgapOk(bundle(name), home);
  expect(served).toBeLessThanOrEqual((1 - share + 0.01) * total);
  expect(run.stderr).toMatch(/kept from an earlier run/);
  expect(isSame(name, 'whole.tar')).toBe(true);
  expect(leftovers(name)).toEqual([name]);
});

test('killed again and again, hardly a byte is fetched twice', async () => {
  const name = fresh('often.tar');
  for (let kills = 0; kills < 4; kills++) await cutAt(0.2 * total, 'SIGKILL', bundle(name));
  await airgapOk(bundle(name), home);
  expect(served).toBeLessThanOrEqual(1.2 * total);
  expect(isSame(name, 'whole.tar')).toBe(true);
});

test('Ctrl-C says what is there and how to go on', timed, async () => {
  const name = fresh('stopped.tar');
  const run = await cutAt(0.5 * total, 'SIGINT', bundle(name));
  expect(run.code).toBe(130);
  const [, placed, all] =
    /^Error: interrupted: .*stopped\.tar\.partial has (\d+) of (\d+) bytes$/m.exec(run.stderr) ?? [];
  expect(Number(placed)).toBeGreaterThan(0.48 * Number(all));
  expect(run.stderr).toMatch(/^Hint: run the same command again: what is there is not fetched again$/m);
  served = 0;
  await airgapOk(bundle(name), home);
  expect(served).toBeLessThanOrEqual(0.51 * total);
  expect(isSame(name, 'whole.tar')).toBe(true);
});

test('with an image more the next time, what is there is not fetched again either', timed, async () => {
  const name = fresh('more.tar');
  await cutAt(0.6 * total, 'SIGINT', bundle(name));
  served = 0;
  const run = await airgapOk(bundle(name, [...TAGS, 'later']), home);
  expect(run.stderr).toMatch(/ to fetch, .* kept from an earlier run$/m);
  expect(served).toBeLessThanOrEqual((0.41 + 1 / TAGS.length) * total);
  expect(leftovers(name)).toEqual([name]);
  await airgapOk(bundle('whole-more.tar', [...TAGS, 'later']), home);
  expect(isSame(name, 'whole-more.tar')).toBe(true);
});

test('a second run on the same output stops at once, and says who writes', timed, async () => {
  const name = fresh('two.tar');
  const [reached, first] = [until(0.1 * total), airgap(bundle(name), home)];
  await reached;
  // It would have to ask for the images before it could find the partial file taken.
  const second = await airgap(['bundle', '--image', 'registry.invalid/none:1', '--out', out(name)], home);
  expect(second.code).toBe(1);
  const { pid } = JSON.parse(readFileSync(`${out(name)}.partial.lock`, 'utf8')) as { pid: number };
  expect(second.stderr).toContain(` ${pid} `);
  expect((await first).code).toBe(0);
  mark = { at: Number.POSITIVE_INFINITY, reached: () => {} };
  expect([served <= total, isSame(name, 'whole.tar'), leftovers(name)]).toEqual([true, true, [name]]);
});

test('with nothing new, no blob is asked for and none is written', async () => {
  const { mtimeMs } = statSync(out('whole.tar'));
  const run = await airgapOk(bundle('whole.tar'), home);
  expect(run.stdout).toMatch(/whole\.tar is up to date/);
  expect(served).toBe(0);
  expect(statSync(out('whole.tar')).mtimeMs).toBe(mtimeMs);
  expect(leftovers('whole.tar')).toEqual(['whole.tar']);
});

test('what the bundle has that is replaced is not fetched again', async () => {
  const name = fresh('replaced.tar');
  await airgapOk(bundle(name, ['later']), home);
  served = 0;
  const run = await airgapOk([...bundle(name, [...TAGS, 'later']), '--force'], home);
  expect(run.stderr).toMatch(/ to fetch, .* from earlier bundles/);
  expect(served).toBeLessThanOrEqual(total);
  expect(isSame(name, 'whole-more.tar')).toBe(true);
});

test('a disk that is full half-way: what is there is kept, and continued when there is room', async () => {
  const name = fresh('full.tar');
  // A file may not grow beyond that from now on: what a full disk does, for a file that is planned in its full size.
  const running = airgap(bundle(name), home, {
    started: async (pid) => {
      await until(0.3 * total);
      await program('prlimit', [`--pid=${pid}`, `--fsize=${Math.floor(total / 2)}`], home);
    },
  });
  const run = await running;
  expect(run.code).toBe(1);
  expect(run.stderr).toMatch(/^Error: the bundle does not fit: /m);
  expect(run.stderr).toMatch(/^Hint: /m);
  expect(leftovers(name).sort()).toEqual([`${name}.partial`, `${name}.partial.journal`]);
  served = 0;
  await airgapOk(bundle(name), home);
  expect(served).toBeLessThan(0.75 * total);
  expect(isSame(name, 'whole.tar')).toBe(true);
});
