import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import setUp from '../../support/each-run.ts';
import { scratchFolder } from '../../support/scratch.ts';

const before = process.env.TMPDIR;
let place: string;

beforeEach(() => {
  place = scratchFolder();
  process.env.TMPDIR = place;
});
afterEach(() => {
  process.env.TMPDIR = before;
  process.exitCode = undefined;
});

test('a run has a temporary folder of its own, and removes it', async () => {
  const end = setUp();
  const folder = tmpdir();
  expect(dirname(folder)).toBe(place);
  await end();
  expect(existsSync(folder)).toBe(false);
  expect(tmpdir()).toBe(place);
  expect(process.exitCode).toBeUndefined();
});

test('files left in it fail the run', async () => {
  const end = setUp();
  const folder = tmpdir();
  writeFileSync(join(folder, 'forgotten'), '');
  await expect(end()).rejects.toThrow('forgotten');
  expect(process.exitCode).toBe(1);
  expect(existsSync(folder)).toBe(false);
});

test('leftovers of a killed run are removed with its processes, those of a running one are not', async () => {
  // No Linux has a process of this number.
  const dead = join(place, 'airgap-9999999-x');
  const living = join(place, `airgap-${process.ppid}-x`);
  for (const folder of [dead, living]) mkdirSync(folder);
  const sleeper = spawn('sleep', ['60'], { env: { PATH: process.env.PATH, TMPDIR: dead }, stdio: 'ignore' });
  const ended = once(sleeper, 'exit');
  await once(sleeper, 'spawn');
  await setUp()();
  expect(existsSync(dead)).toBe(false);
  expect(existsSync(living)).toBe(true);
  if (process.platform !== 'linux') sleeper.kill('SIGKILL');
  expect(await ended).toEqual([null, 'SIGKILL']);
});
