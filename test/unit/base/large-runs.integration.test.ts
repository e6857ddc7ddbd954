import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const path = join(import.meta.dirname, '../../../src/base/large-runs.ts');

/** Returns the bytes of the heap in use, in MB: before and after garbage of 80 MB may have been collected. */
function heapOf(images: number): readonly [before: number, after: number] {
  const code = `
    const { collectGarbage, expectImages } = await import(${JSON.stringify(path)});
    const used = () => process.memoryUsage().heapUsed / 1e6;
    expectImages(${images});
    let garbage = Array.from({ length: 1e7 / 8 }, (_, i) => ({ i }));
    const before = used();
    garbage = undefined;
    collectGarbage();
    console.log(JSON.stringify([before, used(), typeof gc]));`;
  const text = execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
  const [before, after, exposed] = JSON.parse(text) as [number, number, string];
  // The function of V8 must not be left to other code.
  expect(exposed).toBe('undefined');
  return [before, after];
}

it('collects garbage in large runs', () => {
  const [before, after] = heapOf(2000);
  expect(before).toBeGreaterThan(30);
  expect(after).toBeLessThan(before / 2);
});

it('does nothing in small runs', () => {
  const [before, after] = heapOf(1999);
  expect(after).toBeGreaterThan(before / 2);
});
