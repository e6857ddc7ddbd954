import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, type TestContext, test, vi } from 'vitest';
import { airgap, airgapOk, cleanEnvironment, launcher } from '../support/cli.ts';
import { addImages, type PacedRegistry, startPacedRegistry } from '../support/paced-registry.ts';
import { expectProgress, isProgress } from '../support/progress.ts';
import { scratchFolder } from '../support/scratch.ts';
import { bundleArgs, pushArgs, pushedTo, SIX, startSix } from '../support/six-images.ts';
import { stalledPipe } from '../support/stalled-pipe.ts';

/** What runs write where no terminal is: into files, pipes that nobody reads, closed pipes and full disks. */

const home = scratchFolder();
/** Six images of 10 MB, and 2,000 tiny ones. */
let six: PacedRegistry;
let many: PacedRegistry;
const sixBundle = join(home, 'six.tar');
const manyBundle = join(home, 'many.tar');
const manyConfig = join(home, 'airgap.yaml');
const MANY = 2000;

beforeAll(async () => {
  six = await startSix();
  many = await startPacedRegistry();
  const images = addImages(
    many,
    Array.from({ length: MANY }, (_, i) => `many/app-${i}`),
    512,
  );
  writeFileSync(manyConfig, JSON.stringify({ apiVersion: 'airgap/v1', kind: 'Config', images }));
  await Promise.all([
    airgapOk(bundleArgs(six, sixBundle), home),
    airgapOk(['bundle', '--config', manyConfig, '--plain-http', many.host, '--out', manyBundle], home),
  ]);
});
afterAll(() => {
  six.stop();
  many.stop();
});

/** A registry of the test's own, source of `bundle` or target of `push`, and the arguments of the command. */
async function prepared(
  { onTestFinished }: TestContext,
  command: 'bundle' | 'push',
  rate?: number,
): Promise<{ readonly registry: PacedRegistry; readonly args: string[] }> {
  const registry = command === 'bundle' ? await startSix() : await startPacedRegistry();
  onTestFinished(() => registry.stop());
  if (rate !== undefined) registry.pace.rate = rate;
  return {
    registry,
    args: command === 'bundle' ? bundleArgs(registry, fresh('out.tar')) : pushArgs(registry, sixBundle),
  };
}

/** A line that no person should see. */
const STACK = /^\s+at .+:\d+|node:internal|Error: (?:write )?E[A-Z]{3,}/m;

let count = 0;
const fresh = (name: string): string => join(home, `${++count}-${name}`);

interface Shell {
  readonly stderr: string;
  /** Exit code of the command. */
  readonly inner: number;
}

/** Runs a shell script in which RUN is the plugin with these arguments. */
async function shell(script: string, args: readonly string[]): Promise<Shell> {
  const code = fresh('code');
  const command = [launcher, ...args].map((arg) => `'${arg}'`).join(' ');
  const { stderr } = await execa('sh', ['-c', script.replace('RUN', `{ ${command}; echo $? >'${code}'; }`)], {
    env: cleanEnvironment(home),
    extendEnv: false,
    stdin: 'ignore',
    reject: false,
    timeout: 60_000,
  });
  return { stderr, inner: Number(readFileSync(code, 'utf8')) };
}

/** Milliseconds to wait for something; an idle machine takes a tenth. */
const PATIENCE = 60_000;

/** Starts the plugin with these files as stdout and stderr, and stdin closed. */
function start(
  { onTestFinished }: TestContext,
  args: readonly string[],
  ...output: (number | 'pipe' | 'ignore')[]
): ChildProcess {
  const child = spawn(launcher, args, { env: cleanEnvironment(home), stdio: ['ignore', ...output], cwd: home });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

async function endOf(child: ChildProcess): Promise<number> {
  if (child.exitCode === null) await once(child, 'exit', { signal: AbortSignal.timeout(PATIENCE) });
  return child.exitCode ?? -1;
}

describe.concurrent('without a terminal', () => {
  test.for(['bundle', 'push'] as const)('%s says at least every 15 s how far it is', async (command, context) => {
    const { args } = await prepared(context, command, 500_000);
    const began = performance.now();
    // Two at once: the buffers of connections would hold all that is uploaded.
    const child = start(context, [...args, '--concurrency', '2'], 'ignore', 'pipe');
    const lines: { text: string; at: number }[] = [];
    createInterface(child.stderr as Readable).on('line', (text) => lines.push({ text, at: performance.now() }));
    expect(await endOf(child)).toBe(0);
    const ended = performance.now();
    expect(ended - began).toBeGreaterThan(17_000);
    const times = [began, ...lines.map(({ at }) => at), ended];
    expect(Math.max(...times.slice(1).map((at, i) => at - (times[i] ?? 0)))).toBeLessThan(15_500);
    const text = lines.map((line) => line.text).join('\n');
    expect(text).not.toContain('\u001b');
    expectProgress(lines.find((line) => isProgress(line.text) && / left\b/.test(line.text))?.text ?? text, SIX.length);
  });

  test.for(['bundle', 'push'] as const)('--progress json: %s writes one object a line', async (command, context) => {
    const { args } = await prepared(context, command, 3_000_000);
    const run = await airgap([...args, '--progress', 'json'], home);
    expect(run.code).toBe(0);
    const lines = run.stderr.trimEnd().split('\n');
    const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events.filter(({ time, event }) => typeof time !== 'string' || typeof event !== 'string')).toEqual([]);
    const { transfer } = events.find((event) => event.event === 'progress' && event.transfer) ?? {};
    const total = expect.objectContaining({ total: expect.any(Number), done: expect.any(Number) });
    expect(transfer, run.stderr).toMatchObject({ items: total, bytes: total, percent: expect.any(Number) });
  });

  test.for([['--progress=none'], ['--quiet']])('%s: nothing but results', async (flags, context) => {
    const { args } = await prepared(context, 'bundle', 4_000_000);
    const run = await airgap([...args, ...flags], home);
    expect(run.code).toBe(0);
    expect(run.stdout).not.toBe('');
    expect(run.stderr.split('\n').filter(isProgress)).toEqual([]);
    if (flags[0] === '--quiet') expect(run.stderr).toBe('');
  });
});

/** Where stdout and stderr go, and the exit code of a command that succeeds but for that. RUN is the command. */
const ENDINGS: readonly (readonly [name: string, script: string, code: number])[] = [
  ['stdout is a closed pipe', 'RUN | :', 0],
  ['stderr is a closed pipe', 'RUN 2>&1 >/dev/null | :', 0],
  ['stdout and stderr are a closed pipe', 'RUN 2>&1 | :', 0],
  ['only the first line of all is read', 'RUN 2>&1 | head -1', 0],
  ['stdout is a full disk', 'RUN >/dev/full', 1],
  ['stderr is a full disk', 'RUN 2>/dev/full', 0],
  ['stdout and stderr are full disks', 'RUN >/dev/full 2>&1', 1],
  ['stdout and stderr are closed', 'RUN >&- 2>&-', 0],
];

describe.concurrent('output that cannot be written', () => {
  test.for(ENDINGS)('%s: a push is complete', async ([, script, code], context) => {
    const { registry, args } = await prepared(context, 'push');
    const receipt = fresh('receipt.json');
    const run = await shell(script, [...args, '--receipt', receipt]);
    expect(pushedTo(registry)).toBe(SIX.length);
    expect(JSON.parse(readFileSync(receipt, 'utf8')).items).toHaveLength(SIX.length);
    expectPlainEnd(run, code);
  });

  test.for(ENDINGS)('%s: a bundle is complete', async ([, script, code]) => {
    const out = fresh('bundle.tar');
    expectPlainEnd(await shell(script, bundleArgs(six, out)), code);
    expect(readFileSync(out).equals(readFileSync(sixBundle))).toBe(true);
    expect(existsSync(`${out}.partial`)).toBe(false);
  });

  test.for(ENDINGS)('%s: a long list', async ([, script, code]) => {
    expectPlainEnd(await shell(script, ['inspect', manyBundle]), code);
  });

  test.for(ENDINGS)('%s: a failure keeps its exit code', async ([, script]) => {
    const run = await shell(script, ['images', './no-such-chart', '-o', 'json']);
    expect(run.inner).toBe(1);
    expect(run.stderr).not.toMatch(STACK);
  });
});

function expectPlainEnd(run: Shell, code: number): void {
  expect(run.stderr).not.toMatch(STACK);
  if (code !== 0 && run.stderr !== '') expect(run.stderr).toMatch(/^Error: .*(?:space|full)/im);
  expect(run.inner).toBe(code);
}

describe.concurrent('a reader that stalls', () => {
  test('of stderr, with a line of JSON for each of 2000 images: they are bundled all the same', async (context) => {
    const pipe = stalledPipe();
    const out = fresh('many.tar');
    const args = ['bundle', '--config', manyConfig, '--plain-http', many.host, '--out', out, '--progress', 'json'];
    const child = start(context, args, 'ignore', pipe.writing);
    pipe.started();
    await vi.waitUntil(() => existsSync(out), { timeout: PATIENCE, interval: 50 });
    expect(readFileSync(out).equals(readFileSync(manyBundle))).toBe(true);
    const [text, code] = await Promise.all([pipe.drain(), endOf(child)]);
    expect(code).toBe(0);
    const events = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; reference?: string });
    const images = events.filter(({ event }) => event === 'image').map(({ reference }) => reference);
    expect(new Set(images).size).toBe(MANY);
    expect(Buffer.byteLength(text)).toBeGreaterThan(65_536);
  });

  test.for(['auto', 'plain'])('of stderr: a push with --progress %s completes', async (progress, context) => {
    const { registry, args } = await prepared(context, 'push');
    const pipe = stalledPipe();
    const child = start(context, [...args, '--progress', progress], 'ignore', pipe.writing);
    pipe.started();
    await vi.waitUntil(() => pushedTo(registry) === SIX.length, { timeout: PATIENCE, interval: 50 });
    const [text, code] = await Promise.all([pipe.drain(), endOf(child)]);
    expect(code).toBe(0);
    expect(text).not.toMatch(STACK);
  });

  test('of stderr that then closes: a push completes', async (context) => {
    const { registry, args } = await prepared(context, 'push');
    const pipe = stalledPipe();
    const child = start(context, [...args, '--progress', 'json'], 'ignore', pipe.writing);
    pipe.started();
    await vi.waitUntil(() => pushedTo(registry) === SIX.length, { timeout: PATIENCE, interval: 50 });
    pipe.close();
    expect(await endOf(child)).toBe(0);
  });

  test('of stdout: a push completes, and its report arrives', async (context) => {
    const { registry, args } = await prepared(context, 'push');
    const pipe = stalledPipe();
    const receipt = fresh('receipt.json');
    const child = start(context, [...args, '--receipt', receipt], pipe.writing, 'ignore');
    pipe.started();
    await vi.waitUntil(() => existsSync(receipt), { timeout: PATIENCE, interval: 50 });
    expect(pushedTo(registry)).toBe(SIX.length);
    const [text, code] = await Promise.all([pipe.drain(), endOf(child)]);
    expect(code).toBe(0);
    for (const name of SIX) expect(text).toContain(name);
  });
});
