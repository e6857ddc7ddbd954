import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { currentRun, type RunIdentity, runState } from '../../../src/base/run-identity.ts';
import { runLockPath, withRunLock } from '../../../src/base/run-lock.ts';
import { scratchFolder } from '../../support/scratch.ts';

let path: string;
let lock: string;
beforeEach(() => {
  path = join(scratchFolder(), 'two.tar');
  lock = runLockPath(path);
});

const work = async () => 'done';
const { pid: ended } = spawnSync(process.execPath, ['--version']);
const gone: RunIdentity = { ...currentRun(), pid: ended };
const elsewhere: RunIdentity = { ...currentRun(), host: 'another.example' };
const leaveLock = (run: RunIdentity): void =>
  writeFileSync(lock, JSON.stringify({ ...run, since: '2026-01-01T00:00:00Z' }));
const age = (): void => utimesSync(lock, new Date(), new Date(Date.now() - 90_000));

describe('a run', () => {
  it('locks out other runs, names itself, and removes its lock', async () => {
    await withRunLock(path, async () => {
      expect(JSON.parse(readFileSync(lock, 'utf8'))).toMatchObject(currentRun());
      let isDone = false;
      const second = withRunLock(path, async () => {
        isDone = true;
      });
      await expect(second).rejects.toMatchObject({
        code: 'output-exists',
        message: expect.stringMatching(new RegExp(`${path}.* ${process.pid} `)),
        hint: expect.stringContaining('--out'),
      });
      expect(isDone).toBe(false);
      expect(existsSync(lock)).toBe(true);
    });
    await expect(withRunLock(path, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(readdirSync(dirname(path))).toEqual([]);
    expect(await withRunLock(path, work)).toBe('done');
  });

  it('takes over the lock of a killed run', async () => {
    leaveLock(gone);
    expect(await withRunLock(path, work)).toBe('done');
    expect(readdirSync(dirname(path))).toEqual([]);
  });

  // Needs the start time of processes.
  it.runIf(currentRun().start !== '')('takes over the lock of a run whose PID was reused', async () => {
    leaveLock({ ...currentRun(), start: '1' });
    expect(await withRunLock(path, work)).toBe('done');
  });

  it.each([
    ['another host', () => leaveLock(elsewhere)],
    ['another container', () => leaveLock({ ...currentRun(), space: 'x' })],
    ['an unknown host', () => writeFileSync(lock, '')],
  ])('takes over the lock of a run on %s after a minute without updates', async (_, leave) => {
    leave();
    await expect(withRunLock(path, work)).rejects.toMatchObject({ code: 'output-exists' });
    expect(existsSync(lock)).toBe(true);
    age();
    expect(await withRunLock(path, work)).toBe('done');
    expect(readdirSync(dirname(path))).toEqual([]);
  });

  it('keeps the lock of a live run on this host, even without updates', async () => {
    leaveLock(currentRun());
    age();
    await expect(withRunLock(path, work)).rejects.toMatchObject({ code: 'output-exists' });
  });

  it('follows no link', async () => {
    const victim = join(dirname(path), 'victim');
    writeFileSync(victim, JSON.stringify({ ...gone, since: '' }));
    symlinkSync(victim, lock);
    await expect(withRunLock(path, work)).rejects.toMatchObject({ code: 'file' });
    expect(JSON.parse(readFileSync(victim, 'utf8'))).toMatchObject(gone);
  });

  it('works without a lock in a read-only folder only if the output exists', async () => {
    await expect(withRunLock('/proc/two.tar', work)).rejects.toMatchObject({ code: 'file' });
    expect(await withRunLock('/proc/version', work)).toBe('done');
  });
});

it('identifies a process by PID, host and start time', () => {
  expect(runState(currentRun())).toBe('runs');
  expect(runState(gone)).toBe('gone');
  expect(runState(elsewhere)).toBe('unknown');
});
