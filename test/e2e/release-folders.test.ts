import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { scratchFolder } from '../support/scratch.ts';

const scripts = join(import.meta.dirname, '../../scripts');

test.each(['package.mjs', 'release/check.mjs'])(
  '%s deletes no folder with other files, and says so first',
  async (name) => {
    const out = join(scratchFolder(), 'home');
    mkdirSync(out);
    writeFileSync(join(out, 'thesis.txt'), 'x');
    const run = await execa(process.execPath, [join(scripts, name), '--out', out], { reject: false, timeout: 30_000 });
    expect(run.timedOut).toBe(false);
    expect(run.exitCode).toBeGreaterThan(0);
    expect(run.stderr).toContain(out);
    expect(readdirSync(out)).toEqual(['thesis.txt']);
  },
);
