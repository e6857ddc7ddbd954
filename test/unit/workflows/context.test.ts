import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withScratch } from '../../../src/workflows/context.ts';
import { scratchFolder } from '../../support/scratch.ts';

describe('withScratch', () => {
  it('gives a folder for the work alone, under TMPDIR, that others cannot read, and takes it away', async () => {
    const scratch = scratchFolder();
    const context = { env: { TMPDIR: scratch }, cwd: '/', emit: () => {} };
    const [mode, path] = await withScratch(context, async (folder) => {
      await writeFile(join(folder, 'secret'), 'x');
      return [(await stat(folder)).mode & 0o777, folder] as const;
    });
    expect(mode).toBe(0o700);
    expect(path.startsWith(`${scratch}/`)).toBe(true);
    expect(await readdir(scratch)).toEqual([]);
  });

  it('takes it away also when the work fails', async () => {
    const scratch = scratchFolder();
    const context = { env: { TMPDIR: scratch }, cwd: '/', emit: () => {} };
    await expect(withScratch(context, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await readdir(scratch)).toEqual([]);
  });
});
