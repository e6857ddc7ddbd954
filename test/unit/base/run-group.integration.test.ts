import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type GroupOptions, runGroup } from '../../../src/base/run-group.ts';
import { scratchFolder } from '../../support/scratch.ts';

const run = (script: string, options: Partial<GroupOptions> = {}) =>
  runGroup('sh', ['-c', script], {
    cwd: '/',
    env: { PATH: process.env.PATH },
    timeout: 10_000,
    tailBytes: 100,
    ...options,
  });

/** Reports whether a process runs, and is no zombie. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function pidIn(file: string): Promise<number> {
  for (;;) {
    try {
      const pid = Number(readFileSync(file, 'utf8'));
      if (pid > 0) return pid;
    } catch {
      // Not written yet.
    }
    await sleep(20);
  }
}

describe.skipIf(process.platform !== 'linux')('a program in a group of its own', () => {
  test('its exit code, and what it wrote', async () => {
    expect(await run('echo out; echo err >&2; exit 7')).toMatchObject({ end: 'exit', code: 7 });
    expect(await run('echo a')).toEqual({ end: 'exit', code: 0, tail: 'a\n' });
  });

  test('the signal that ended it', async () => {
    expect(await run('kill -SEGV $$')).toMatchObject({ end: 'signal', name: 'SIGSEGV' });
  });

  test('a program that is missing', async () => {
    const options = { cwd: '/', env: {}, timeout: 1000, tailBytes: 10 };
    expect(await runGroup('/no/such/program', [], options)).toEqual({ end: 'not-run', code: 'ENOENT' });
  });

  test('only the last lines of much output are kept', async () => {
    const ended = await run('i=0; while [ $i -lt 20000 ]; do echo "line $i of many"; i=$((i+1)); done; exit 1');
    expect(ended).toMatchObject({
      end: 'exit',
      tail: expect.stringMatching(/^line \d+ of many\n[\s\S]*line 19999 of many\n$/),
    });
    expect('tail' in ended && ended.tail.length).toBeLessThanOrEqual(100);
  });

  test('one that hangs and ignores signals ends with all that it started', async () => {
    const file = join(scratchFolder(), 'pid');
    const ended = await run(`trap '' TERM; sleep 600 & echo $! > ${file}; echo waiting; wait; sleep 600`, {
      timeout: 300,
    });
    expect(ended).toEqual({ end: 'timeout', tail: 'waiting\n' });
    await expect.poll(async () => isRunning(await pidIn(file))).toBe(false);
  });

  test('one that ends leaves nothing running', async () => {
    const file = join(scratchFolder(), 'pid');
    expect(await run(`sleep 600 & echo $! > ${file}`)).toMatchObject({ end: 'exit', code: 0 });
    await expect.poll(async () => isRunning(await pidIn(file))).toBe(false);
  });

  test('an interrupt ends it', async () => {
    const abort = new AbortController();
    const file = join(scratchFolder(), 'pid');
    const running = run(`echo $$ > ${file}; sleep 600`, { signal: abort.signal });
    const pid = await pidIn(file);
    abort.abort();
    await expect(running).rejects.toMatchObject({ code: 'interrupted' });
    expect(isRunning(pid)).toBe(false);
  });
});
