import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

it('takes little memory for an image that is not begun, and about its content for one in the graph', () => {
  const program = join(import.meta.dirname, '../../support/graph-memory.ts');
  const output = execFileSync(process.execPath, ['--expose-gc', program], { encoding: 'utf8' });
  const { begun, kept, ...counts } = JSON.parse(output) as Record<string, number>;
  expect(counts).toEqual({ images: 4000, blobs: 20_000, failures: 0 });
  // Before 2026-11-23 they were 2752 and 12246 bytes; then 340 and 3552.
  expect(begun).toBeLessThan(600);
  expect(kept).toBeLessThan(6000);
});
