import { beforeEach, expect, it } from 'vitest';
import { ReadMode } from '../../../src/serve/read-mode.ts';

let time: number;
let mode: ReadMode;
beforeEach(() => {
  time = 0;
  mode = new ReadMode(() => time);
});

/** Reads, which takes so many milliseconds, and returns the way that was chosen. */
async function read(duration: number): Promise<string> {
  return mode.read<string>(
    () => {
      time += duration;
      return 'sync';
    },
    async () => 'async',
  );
}

it('reads what is in the cache without another thread', () => {
  expect(
    mode.read(
      () => 1,
      async () => 2,
    ),
  ).toBe(1);
});

it('does not hold up others with a disk that is slow', async () => {
  for (let i = 0; i < 3; i++) expect(await read(20)).toBe('sync');
  for (let i = 0; i < 100; i++) expect(await read(20)).toBe('async');
  time += 1000;
  expect([await read(20), await read(20)]).toEqual(['sync', 'async']);
  time += 1000;
  expect([await read(0.1), await read(20), await read(20)]).toEqual(['sync', 'sync', 'sync']);
});

it('takes a single slow read for that of a busy processor', async () => {
  for (let i = 0; i < 100; i++) expect(await read(i % 2 === 0 ? 20 : 0.1)).toBe('sync');
});
