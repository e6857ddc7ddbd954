import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { beforeEach, describe, expect, test } from 'vitest';
import { scratchFolder } from '../../support/scratch.ts';

let folder: string;
let cache: string;

/** Builds a program that prints its arguments and exits with the given code. */
beforeEach(async () => {
  folder = scratchFolder();
  cache = join(folder, 'cache/program');
  await make('1111');
  writeFileSync(
    join(folder, 'program.cjs'),
    `const path = require('node:path');
     const late = (code) => { process.exitCode = Number(code); return [path.basename(__filename), module.exports === exports]; };
     console.log(JSON.stringify([...late(process.argv[3] ?? 0), ...process.argv.slice(2)]));`,
  );
});

const make = (id: string) =>
  build({
    entryPoints: { airgap: join(import.meta.dirname, '../../../src/cli/start.ts') },
    outdir: folder,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    format: 'cjs',
    platform: 'node',
    define: { PROGRAM_ID: JSON.stringify(id) },
  });

function run(args: string[], env: NodeJS.ProcessEnv = {}): unknown {
  const options = { encoding: 'utf8', env: { NODE_COMPILE_CACHE: join(folder, 'cache'), ...env } } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'airgap.cjs'), ...args], options);
  return { status, stdout, stderr };
}
const expectedRun = (status: number, ...args: string[]) => ({
  status,
  stdout: `${JSON.stringify(['program.cjs', true, ...args])}\n`,
  stderr: '',
});
const keptFiles = () => (existsSync(cache) ? readdirSync(cache).sort() : []);

describe('the start', () => {
  test('runs the program as a module, and caches the compiled code of each successful command', () => {
    expect(run(['push', '0'])).toEqual(expectedRun(0, 'push', '0'));
    expect(run(['--help'])).toEqual(expectedRun(0, '--help'));
    expect(run(['values', '3'])).toEqual(expectedRun(3, 'values', '3'));
    expect(keptFiles()).toEqual(['1111-airgap', '1111-push']);
    expect([statSync(cache).mode & 0o777, statSync(join(cache, '1111-push')).mode & 0o777]).toEqual([0o700, 0o600]);
  });

  test('uses the cache, and does not rewrite it in a short run', () => {
    run(['push', '0']);
    const before = statSync(join(cache, '1111-push')).mtimeMs;
    expect(run(['push', '0'])).toEqual(expectedRun(0, 'push', '0'));
    expect(statSync(join(cache, '1111-push')).mtimeMs).toBe(before);
  });

  test.each([
    ['cut off', (code: Buffer) => code.subarray(0, 100)],
    ['empty', () => Buffer.alloc(0)],
    ['damaged', (code: Buffer) => Buffer.from(code.map((byte, index) => (index % 50 === 49 ? byte ^ 0xff : byte)))],
    ['followed by more bytes', (code: Buffer) => Buffer.concat([code, code])],
  ])('replaces code that is %s', (_what, damage) => {
    run(['push', '0']);
    const file = join(cache, '1111-push');
    const good = readFileSync(file);
    writeFileSync(file, damage(good));
    expect(run(['push', '0'])).toEqual(expectedRun(0, 'push', '0'));
    expect(readFileSync(file)).toHaveLength(good.length);
  });

  test('removes the cache of another build', async () => {
    run(['push', '0']);
    await make('2222');
    run(['values', '0']);
    expect(keptFiles()).toEqual(['2222-values']);
  });

  test('does not cache in folders of other users, or if caching is disabled', () => {
    mkdirSync(cache, { recursive: true });
    chmodSync(cache, 0o777);
    expect(run(['push', '0'])).toEqual(expectedRun(0, 'push', '0'));
    chmodSync(cache, 0o700);
    expect(run(['push', '0'], { NODE_DISABLE_COMPILE_CACHE: '1' })).toEqual(expectedRun(0, 'push', '0'));
    expect(run(['push', '0'], { NODE_COMPILE_CACHE: '' })).toEqual(expectedRun(0, 'push', '0'));
    writeFileSync(join(folder, 'file'), '');
    expect(run(['push', '0'], { NODE_COMPILE_CACHE: join(folder, 'file') })).toMatchObject(expectedRun(0, 'push', '0'));
    expect(keptFiles()).toEqual([]);
    chmodSync(join(folder, 'cache'), 0o777);
    expect(run(['push', '0'])).toEqual(expectedRun(0, 'push', '0'));
    expect(keptFiles()).toEqual([]);
  });
});
