import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AirgapEvent, Emit } from '../../../../src/base/events.ts';
import { Progress, type ProgressChoice } from '../../../../src/cli/progress/progress.ts';

beforeEach(() => void vi.useFakeTimers({ now: 1_750_000_000_000 }));
afterEach(() => void vi.useRealTimers());

interface Surroundings {
  readonly choice?: ProgressChoice;
  readonly isQuiet?: boolean;
  readonly isTerminal?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

function progressIn({ choice = 'auto', isQuiet = false, isTerminal = false, env = {} }: Surroundings) {
  let text = '';
  let isIdle = true;
  const terminal = Object.assign(new Writable(), { columns: 80, rows: 24 });
  const stream = {
    write: (chunk: string) => {
      text += chunk;
    },
    isIdle: () => isIdle,
    terminal: isTerminal ? terminal : undefined,
  };
  const progress = new Progress(stream, Date.now);
  progress.configure({ choice, isQuiet }, env);
  return {
    progress,
    text: () => text,
    lines: () => text.trimEnd().split('\n'),
    stall: () => {
      isIdle = false;
    },
  };
}

const MB = 1_000_000;
const WARNING: AirgapEvent = { type: 'warning', message: 'odd \u001b[31mtext' };

/** A run of 48 seconds: a render of 6 s, then 40 MB, with a retry and a break of 12 s. */
async function run(emit: Emit): Promise<void> {
  const seconds = (n: number): Promise<unknown> => vi.advanceTimersByTimeAsync(n * 1000);
  emit({ type: 'step', step: '1', title: 'rendering app 1.2.3' });
  await seconds(6);
  emit({ type: 'step-end', step: '1' });
  emit(WARNING);
  const example = { from: 'quay.io/team/a:1', to: 'r.example/m/quay.io/team/a:1' };
  const counts = { tags: 2, unchanged: 1, repositories: 2, blobs: 2, bytes: 40 * MB };
  emit({ type: 'upload', target: 'r.example/m', ...counts, example });
  const blobs = ['a', 'b'].map((digest) => ({ digest, bytes: 20 * MB, owner: `quay.io/team/${digest}:1` }));
  emit({ type: 'plan', activity: 'uploading', items: { total: 2, noun: 'tags' }, blobs });
  for (const { digest } of blobs) {
    emit({ type: 'blob', digest, bytes: 20 * MB, status: 'started' });
    for (let i = 0; i < 15; i++) {
      emit({ type: 'bytes', bytes: MB, digest });
      await seconds(1);
    }
    if (digest === 'a') await seconds(12);
    emit({
      type: 'retry',
      what: 'quay.io/team/a@sha256:1',
      attempt: 1,
      reason: 'closed by https://me:hunter22@r.example',
    });
    emit({ type: 'bytes', bytes: 5 * MB, digest });
    emit({ type: 'blob', digest, bytes: 20 * MB, status: 'done' });
    emit({ type: 'image', reference: `quay.io/team/${digest}:1`, digest });
  }
}

describe('progress in a file or a pipe', () => {
  it('is a line at least every 15 seconds, and the total', async () => {
    const { progress, text } = progressIn({});
    const times: number[] = [Date.now()];
    const timed = new Progress(
      { write: () => times.push(Date.now()), isIdle: () => true, terminal: undefined },
      Date.now,
    );
    await run((event) => {
      progress.emit(event);
      timed.emit(event);
    });
    progress.finish();
    const gaps = [...times.slice(1), Date.now()].map((time, i) => time - (times[i] as number));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(15_000);
    await expect(text()).toMatchFileSnapshot(join(import.meta.dirname, 'golden/plain.txt'));
  });

  it('says nothing about short steps', async () => {
    const { progress, text } = progressIn({});
    progress.emit({ type: 'step', step: '1', title: 'rendering' });
    await vi.advanceTimersByTimeAsync(900);
    progress.emit({ type: 'step-end', step: '1' });
    progress.finish();
    expect(text()).toBe('');
  });

  it('says that it works if nothing is open', async () => {
    const { progress, lines } = progressIn({});
    progress.emit({ type: 'note', message: 'note' });
    await vi.advanceTimersByTimeAsync(25_000);
    expect(lines()).toHaveLength(3);
  });

  it('leaves lines out while the reader stalls', async () => {
    const { progress, text, stall } = progressIn({});
    progress.emit({ type: 'step', step: '1', title: 'rendering' });
    stall();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(text()).toBe('');
  });
});

describe('progress in a terminal', () => {
  it('is redrawn, and only notes, warnings and the total stay', async () => {
    const { progress, text } = progressIn({ isTerminal: true, env: { TERM: 'xterm' } });
    await run(progress.emit);
    progress.makeRoom();
    progress.finish();
    const frames = text().split('\u001b[2K');
    expect(frames.length).toBeGreaterThan(100);
    expect(text()).not.toContain('hunter22');
    expect(text()).toContain('no data for 12 s');
    expect(text().match(/^transferred .*/gm)).toHaveLength(1);
  });

  it.each([[{ TERM: 'dumb' }], [{ TERM: 'xterm', CI: 'true' }]])('is plain lines with %o', async (env) => {
    const { progress, text } = progressIn({ isTerminal: true, env });
    await run(progress.emit);
    expect(text()).not.toContain('\u001b');
    expect(text()).toMatch(/^uploading 1 of 2 tags, /m);
  });

  it('is not drawn in the first moments', async () => {
    const { progress, text } = progressIn({ isTerminal: true });
    progress.emit({ type: 'step', step: '1', title: 'rendering' });
    await vi.advanceTimersByTimeAsync(400);
    progress.finish();
    expect(text()).toBe('');
  });
});

describe('--progress json', () => {
  it('is an object a line, with the facts every second, without blobs and secrets', async () => {
    const { progress, text, lines } = progressIn({ choice: 'json' });
    await run(progress.emit);
    progress.note('a summary');
    progress.failure('Error: broken', 'network');
    progress.finish();
    const objects = lines().map((line) => JSON.parse(line) as Record<string, unknown>);
    const named = Map.groupBy(objects, ({ event }) => event);
    expect([...named.keys()].sort()).toEqual(
      ['failure', 'image', 'note', 'progress', 'retry', 'step', 'step-end', 'upload', 'warning'].sort(),
    );
    expect(named.get('progress')?.length).toBeGreaterThan(40);
    expect(named.get('progress')?.at(-2)).toMatchObject({
      event: 'progress',
      steps: [],
      transfer: { activity: 'uploading', items: { done: 1, total: 2 }, bytes: { total: 40 * MB } },
      retries: 1,
    });
    expect(text()).not.toContain('hunter22');
    expect(text()).not.toContain('\u001b');
  });
});

it('--progress json with --quiet has warnings and failures only', async () => {
  const { progress, lines } = progressIn({ choice: 'json', isQuiet: true });
  await run(progress.emit);
  progress.note('summary');
  progress.failure('Error: x', 'network');
  progress.finish();
  expect(lines().map((line) => JSON.parse(line).event)).toEqual(['warning', 'failure']);
});

describe('--progress none and --quiet', () => {
  it.each([
    ['none', { choice: 'none' as const }, ['warning', 'note', 'summary']],
    ['--quiet', { isQuiet: true }, ['warning']],
  ])('%s', async (_, options, expected) => {
    const { progress, text } = progressIn({ ...options, isTerminal: true });
    await run(progress.emit);
    progress.emit({ type: 'note', message: 'note' });
    progress.note('summary');
    progress.finish();
    progress.note('why', true);
    expect(text()).toMatch(/why\n$/);
    expect(text().match(/warning|note|summary|uploading|transferred|rendering/g)).toEqual(expected);
    progress.failure('Error: x', 'network');
    expect(text()).toMatch(/Error: x\n$/);
  });
});

it.each([{ choice: 'plain' }, { choice: 'auto', isTerminal: true }, { choice: 'json' }] as const)(
  'a server that listens shows no progress: %j',
  async (surroundings) => {
    const { progress, text } = progressIn(surroundings);
    progress.emit({ type: 'step', step: '1', title: 'opening app.tar' });
    progress.emit({ type: 'step-end', step: '1' });
    progress.emit({ type: 'listening', address: '127.0.0.1:5000' });
    const before = text();
    for (let i = 0; i < 100; i++) {
      const answered = { client: '10.0.0.1', method: 'GET', target: '/v2/', status: 200, bytes: 2, seconds: 0.1 };
      progress.emit({ type: 'request', ...answered });
      await vi.advanceTimersByTimeAsync(1000);
    }
    expect(text()).toBe(before);
    progress.emit(WARNING);
    expect(text()).not.toBe(before);
  },
);
