import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type ExitProgramArchitecture, exitProgram } from '../../../../src/workflows/check/exit-program.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

it.each<[ExitProgramArchitecture, number, string]>([
  ['amd64', 129, 'd591a41362cc6fc019470d6639def1cb18a6382b15d057e7b1ee4ebf0e02f723'],
  // The same bytes ended with 0 under qemu-aarch64 7.2.
  ['arm64', 132, 'ee41b814793c9be9c91c59efb15b3ce09dc9fa483fcc90f4d700c5fe6209ca3a'],
])('the program for %s is the one that was tried', (architecture, size, hash) => {
  const bytes = exitProgram(architecture);
  expect(bytes).toHaveLength(size);
  expect(sha256(bytes)).toBe(hash);
});

const own = ({ x64: 'amd64', arm64: 'arm64' } as const)[process.arch as 'x64' | 'arm64'];

it.runIf(process.platform === 'linux' && own !== undefined)('the program of this machine ends with 0', () => {
  const file = join(scratchFolder(), 'exit');
  writeFileSync(file, exitProgram(own));
  chmodSync(file, 0o755);
  expect(spawnSync(file, { stdio: 'pipe' })).toMatchObject({ status: 0, signal: null });
});
