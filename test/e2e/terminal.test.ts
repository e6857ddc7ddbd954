import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, type TestContext, test, vi } from 'vitest';
import { airgapOk, cleanEnvironment, launcher } from '../support/cli.ts';
import { newestAndOldestHelm } from '../support/helm.ts';
import { addImages, type Pace, type PacedRegistry, startPacedRegistry } from '../support/paced-registry.ts';
import { expectProgress, isProgress, type Reading, readProgress } from '../support/progress.ts';
import { scratchFolder } from '../support/scratch.ts';
import { bundleArgs, ownLayer, pushArgs, pushedTo, SIX, startSix } from '../support/six-images.ts';
import { inTerminal, type RealTerminal, withoutTmux } from '../support/tmux.ts';

/** The built program in real terminals, with content that flows slowly. */

const home = scratchFolder();
const bundle = join(home, 'six.tar');
let six: PacedRegistry;

beforeAll(async () => {
  if (withoutTmux !== undefined) return;
  six = await startSix();
  await airgapOk(bundleArgs(six, bundle), home);
});
afterAll(() => six?.stop());

let count = 0;
const fresh = (name: string): string => join(home, `${++count}-${name}`);

/** Milliseconds to wait for a screen; an idle machine takes a tenth. */
const PATIENCE = 60_000;

/** Bytes a second: a transfer of the six images takes six seconds. */
const RATE = 1_700_000;

interface Prepared {
  readonly registry: PacedRegistry;
  readonly args: string[];
  readonly out: string;
}

/** A registry of the test's own, source of `bundle` or target of `push`, and the arguments of the command. */
async function prepared(
  { onTestFinished, skip }: TestContext,
  command: 'bundle' | 'push',
  pace: Partial<Pace> = { rate: RATE },
): Promise<Prepared> {
  if (withoutTmux !== undefined) skip(withoutTmux);
  const registry = command === 'bundle' ? await startSix(pace) : await startPacedRegistry();
  onTestFinished(() => registry.stop());
  Object.assign(registry.pace, pace);
  const out = fresh('out.tar');
  // Two uploads at once: the buffers of connections would hold all that is sent.
  const args = command === 'bundle' ? bundleArgs(registry, out) : [...pushArgs(registry, bundle), '--concurrency', '2'];
  return { registry, args, out };
}

/** Lines that are there before the command. */
const MARKERS = Array.from({ length: 60 }, (_, i) => `before ${i}`);

interface Setting {
  readonly size?: readonly [columns: number, rows: number];
  readonly env?: Readonly<Record<string, string>>;
  /** Shell command before the plugin. */
  readonly before?: string;
  /** Program and its arguments before those of the command. */
  readonly launch?: readonly string[];
}

/** Runs a command in a terminal below some lines of other output. */
function watched<R>(
  args: readonly string[],
  { size: [columns, rows] = [80, 24], env = {}, before = ':', launch = [launcher] }: Setting,
  use: (terminal: RealTerminal) => Promise<R>,
): Promise<R> {
  const markers = `i=0; while [ $i -lt ${MARKERS.length} ]; do echo "before $i"; i=$((i+1)); done`;
  const command = [...launch, ...args].map((arg) => `'${arg}'`).join(' ');
  const options = { columns, rows, env: { ...cleanEnvironment(home), ...env }, cwd: home };
  return inTerminal(`${markers}\n${before}\n${command}`, options, use);
}

/** Collects the different screens until the command ends. */
async function screensOf(terminal: RealTerminal): Promise<string[]> {
  const screens: string[] = [];
  while (!terminal.hasEnded()) {
    const screen = (await terminal.screen()).join('\n');
    if (screen !== screens.at(-1)) screens.push(screen);
    await sleep(120);
  }
  return screens;
}

/** Fails unless the lines before the command are all there, once, and nothing of the display is. @returns what the command printed */
async function expectClean(terminal: RealTerminal, mayBeLeft = 0): Promise<string[]> {
  const lines = await terminal.printed();
  const text = lines.join('\n');
  expect(
    lines.filter((line) => line.startsWith('before ')),
    text,
  ).toEqual(MARKERS);
  const after = lines.slice(MARKERS.length);
  expect(after.filter(isProgress).length, text).toBeLessThanOrEqual(mayBeLeft);
  expect(
    after.filter((line) => line === ''),
    text,
  ).toEqual([]);
  return after;
}

function expectRising(readings: readonly Reading[]): void {
  const falls = readings.filter((reading, i) => {
    const last = readings[i - 1];
    return last && (reading.images < last.images || reading.bytes < last.bytes || reading.percent < last.percent);
  });
  expect(falls, JSON.stringify(readings)).toEqual([]);
}

/**
 * Lines of one display. As many may stay if a window shrinks: those that have left the window cannot be erased, nor can all
 * if it shrinks just before they are drawn again, because programs learn of it later than tmux.
 */
const MOST_LINES = 7;

const SIZES = [
  [40, 10],
  [60, 24],
  [80, 24],
  [200, 50],
] as const;
const COMMANDS = ['bundle', 'push'] as const;

describe.concurrent('a live display', () => {
  const cases = COMMANDS.flatMap((command) => SIZES.map((size) => ({ command, size })));
  test.for(cases)('$command in $size', async ({ command, size }, context) => {
    const { args } = await prepared(context, command);
    await watched(args, { size }, async (terminal) => {
      const screens = await screensOf(terminal);
      expect(await terminal.ended()).toBe(0);
      // The markers that are still visible are no part of the display.
      const shown = screens.map((screen) => screen.slice(screen.search(/^(?!before \d)/m)));
      const readings = shown.map(readProgress).filter((reading) => reading !== undefined);
      expect(readings.length).toBeGreaterThan(3);
      expectRising(readings);
      const whole = shown.filter((screen) => / left\b/.test(screen));
      expectProgress(whole[0]?.replaceAll('\n', ' ') ?? `(${screens.join('\n---\n')})`, SIX.length);
      expect(shown.some((screen) => SIX.some((name) => new RegExp(`^ +.*${name}:1 `, 'm').test(screen)))).toBe(true);
      for (const screen of screens)
        for (const line of screen.split('\n')) expect(line.length).toBeLessThanOrEqual(size[0]);
      await expectClean(terminal);
    });
  });

  test.for(COMMANDS)('%s while the window is resized', async (command, context) => {
    const { args } = await prepared(context, command, { rate: 1_300_000 });
    await watched(args, { size: [200, 50] }, async (terminal) => {
      await terminal.waitFor((screen) => readProgress(screen) !== undefined);
      for (const columns of [50, 120, 41, 200, 50, 120]) {
        await terminal.resize(columns, 50);
        await sleep(350);
      }
      expect(terminal.hasEnded()).toBe(false);
      expect(await terminal.ended()).toBe(0);
      const [first = ''] = await expectClean(terminal, MOST_LINES);
      expect(first).toMatch(command === 'bundle' ? /^bundle: / : /^writing 6 tags /);
    });
  });

  test('a window of three rows', async (context) => {
    const { args } = await prepared(context, 'bundle');
    await watched(args, { size: [80, 24] }, async (terminal) => {
      await terminal.waitFor((screen) => readProgress(screen) !== undefined);
      await terminal.resize(80, 3);
      await sleep(1000);
      expect(readProgress((await terminal.screen()).join(' '))).toBeDefined();
      await terminal.resize(80, 24);
      expect(await terminal.ended()).toBe(0);
      await expectClean(terminal, MOST_LINES);
    });
  });

  test('names an image that is stuck, and not those that are slow', async (context) => {
    const { registry, args } = await prepared(context, 'bundle', { rate: 700_000 });
    const released = Promise.withResolvers<void>();
    registry.pace.stalls.set(ownLayer(registry, 'web/back'), released.promise);
    await watched(args, {}, async (terminal) => {
      const screen = await terminal.waitFor((text) => /no data for [5-9] s/.test(text));
      released.resolve();
      const stuck = screen.split('\n').filter((line) => /no data/.test(line));
      expect(stuck, screen).toHaveLength(1);
      expect(stuck[0]).toContain('web/back:1');
      // The others go on.
      expect(screen).toMatch(/ [kM]B\/s/);
      expect(await terminal.ended()).toBe(0);
      await expectClean(terminal);
    });
  });

  test('counts retries', async (context) => {
    const { registry, args } = await prepared(context, 'bundle');
    registry.pace.cuts.set(ownLayer(registry, 'web/front'), 1);
    registry.pace.cuts.set(ownLayer(registry, 'web/back'), 1);
    await watched(args, {}, async (terminal) => {
      const screens = await screensOf(terminal);
      expect(await terminal.ended()).toBe(0);
      expect(
        screens.some((screen) => /2 retries/.test(screen)),
        screens.join('\n---\n'),
      ).toBe(true);
      expectRising(screens.map(readProgress).filter((reading) => reading !== undefined));
      await expectClean(terminal);
    });
  });

  test('shows 2000 images', async (context) => {
    const { registry } = await prepared(context, 'bundle', { rate: 1_000_000 });
    const images = addImages(
      registry,
      Array.from({ length: 2000 }, (_, i) => `many/app-${i}`),
      512,
    );
    const args = ['bundle', ...images.flatMap((name) => ['--image', name]), '--plain-http', registry.host];
    await watched([...args, '--out', fresh('many.tar')], {}, async (terminal) => {
      const screens = await screensOf(terminal);
      expect(await terminal.ended()).toBe(0);
      const readings = screens.map(readProgress).filter((reading) => reading !== undefined);
      expect(readings.some(({ images }) => images > 0 && images < 2000)).toBe(true);
      expectRising(readings);
      expect(screens.join('\n')).toContain('of 2000 images');
      await expectClean(terminal);
    });
  });

  test.for(newestAndOldestHelm())('is there when Helm $version starts the plugin', async ({ path }, context) => {
    if (path === undefined) return context.skip('this Helm is missing');
    const { args } = await prepared(context, 'bundle');
    const own = fresh('helm-home');
    const env = { HELM_DATA_HOME: own, HELM_BIN: path };
    await inTerminal(
      `'${path}' plugin install '${join(import.meta.dirname, '../..')}'`,
      { columns: 80, rows: 24, env: { ...cleanEnvironment(home), ...env }, cwd: home },
      async (terminal) => expect(await terminal.ended()).toBe(0),
    );
    await watched(args, { env, launch: [path, 'airgap'] }, async (terminal) => {
      const screen = await terminal.waitFor((text) => / left\b/.test(text));
      expectProgress(screen, SIX.length);
      expect(await terminal.ended()).toBe(0);
      await expectClean(terminal);
    });
  });
});

describe.concurrent('a run that is interrupted', () => {
  test('leaves a clean screen, and the next one resumes', async (context) => {
    const { registry, args, out } = await prepared(context, 'bundle');
    await watched(args, {}, async (terminal) => {
      await terminal.waitFor((screen) => (readProgress(screen)?.percent ?? 0) > 30);
      await terminal.type('C-c');
      expect(await terminal.ended()).toBe(130);
      const after = (await expectClean(terminal)).filter((line) => !line.startsWith('^C'));
      expect(after.filter((line) => /^Error: .*interrupt/i.test(line))).toHaveLength(1);
    });
    expect(existsSync(out)).toBe(false);
    registry.content.log.length = 0;
    const again = await airgapOk([...args, '-o', 'json'], home);
    expect(JSON.parse(again.stdout)).toBeDefined();
    expect(readFileSync(out).length).toBeGreaterThan(10_000_000);
  });
});

const ESCAPE = '\u001b';
/** SGR: colours and bold. */
const COLOUR = new RegExp(`${ESCAPE}\\[[\\d;]*m`);
/** All other control functions. */
const MOVEMENT = new RegExp(`${ESCAPE}\\[[\\d;?]*[^\\d;?m]`);

describe.concurrent('a terminal that wants less', () => {
  test.for<[string, Readonly<Record<string, string>>, string[], string | RegExp]>([
    ['TERM=dumb', { TERM: 'dumb' }, [], ESCAPE],
    ['CI=true', { CI: 'true' }, [], MOVEMENT],
    ['NO_COLOR=1', { NO_COLOR: '1' }, [], COLOUR],
    ['--progress plain', {}, ['--progress', 'plain'], MOVEMENT],
    ['--progress none', {}, ['--progress', 'none'], ESCAPE],
    ['--quiet', {}, ['--quiet'], ESCAPE],
  ])('%s', async ([, env, flags, unwanted], context) => {
    const { args } = await prepared(context, 'bundle');
    // tmux sets TERM itself.
    const before =
      Object.entries(env)
        .map(([name, value]) => `export ${name}=${value}`)
        .join('; ') || ':';
    await watched([...args, ...flags], { before }, async (terminal) => {
      expect(await terminal.ended()).toBe(0);
      const written = terminal.bytes().toString('utf8');
      expect(written).not.toMatch(unwanted);
    });
  });

  test('LANG=C: only ASCII', async (context) => {
    const { args } = await prepared(context, 'bundle');
    await watched(args, { env: { LANG: 'C', LC_ALL: 'C' } }, async (terminal) => {
      expect(await terminal.ended()).toBe(0);
      expect(terminal.bytes().filter((byte) => byte > 126)).toHaveLength(0);
    });
  });
});

describe.concurrent('a terminal that lies', () => {
  test.for<[size: string, isUsable: boolean]>([
    ['cols 0 rows 0', true],
    ['cols 65535 rows 65535', true],
    ['rows 1', true],
    ['cols 1', false],
  ])('about its size: %s', async ([size, isUsable], context) => {
    const { args } = await prepared(context, 'bundle');
    await watched(args, { before: `stty ${size}` }, async (terminal) => {
      const screens = await screensOf(terminal);
      expect(await terminal.ended()).toBe(0);
      expect(screens.some((screen) => readProgress(screen) !== undefined)).toBe(isUsable);
      await expectClean(terminal);
    });
  });

  test.for(COMMANDS)('that stops its output does not stop a %s', async (command, context) => {
    const { registry, args, out } = await prepared(context, command);
    await watched(args, { before: 'stty ixon' }, async (terminal) => {
      await terminal.waitFor((screen) => readProgress(screen) !== undefined);
      await terminal.type('C-s');
      const isDone = (): boolean => (command === 'bundle' ? existsSync(out) : pushedTo(registry) === SIX.length);
      await vi.waitUntil(isDone, { timeout: PATIENCE, interval: 50 });
      await terminal.type('C-q');
      expect(await terminal.ended()).toBe(0);
    });
  });
});
