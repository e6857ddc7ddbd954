import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, utimesSync } from 'node:fs';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withScratch } from '../../../src/session/context.ts';
import { scratchFolder } from '../../support/scratch.ts';

describe('withScratch', () => {
  it('creates a private folder under TMPDIR and removes it', async () => {
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

  it('removes it if the work fails', async () => {
    const scratch = scratchFolder();
    const context = { env: { TMPDIR: scratch }, cwd: '/', emit: () => {} };
    await expect(withScratch(context, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await readdir(scratch)).toEqual([]);
  });

  it('removes folders of killed runs, but not of running ones', async () => {
    const scratch = scratchFolder();
    const working = await worker(scratch);
    const [folder = ''] = await readdir(scratch);
    const context = { env: { TMPDIR: scratch }, cwd: '/', emit: () => {} };
    await withScratch(context, async () => {});
    expect(await readdir(join(scratch, folder))).toEqual(['secret']);
    await end(working, 'SIGKILL');
    expect(await readdir(scratch)).toEqual([folder]);
    await withScratch(context, async () => {});
    expect(await readdir(scratch)).toEqual([]);
  });

  it('keeps folders of other hosts and users, and those with content', async () => {
    const scratch = scratchFolder();
    const make = (name: string): string => {
      mkdirSync(join(scratch, name));
      return join(scratch, name);
    };
    const elsewhere = 'helm-airgap-999999-12-0123456789ab-AbCdEf';
    for (const name of [elsewhere, 'helm-airgap-empty1', 'helm-airgap-full01', 'helm-airgap-fresh1', 'other'])
      make(name);
    await writeFile(join(scratch, 'helm-airgap-full01', 'a'), '');
    const before = new Date(Date.now() - 2 * 3600_000);
    for (const name of ['helm-airgap-empty1', 'helm-airgap-full01', 'other'])
      utimesSync(join(scratch, name), before, before);
    await withScratch({ env: { TMPDIR: scratch }, cwd: '/', emit: () => {} }, async () => {});
    expect((await readdir(scratch)).sort()).toEqual([elsewhere, 'helm-airgap-fresh1', 'helm-airgap-full01', 'other']);
  });

  it('is removed by the second interrupt, which does not wait', async () => {
    const scratch = scratchFolder();
    const working = await worker(scratch);
    working.kill('SIGINT');
    await once(working.stderr as NonNullable<typeof working.stderr>, 'data');
    expect(await end(working, 'SIGINT')).toBe(130);
    expect(await readdir(scratch)).toEqual([]);
  });
});

const CONTEXT = new URL('../../../src/session/context.ts', import.meta.url);
const RUN = new URL('../../../src/cli/run.ts', import.meta.url);

/** A program that works in a scratch folder without an end, and does not stop for an interrupt. */
async function worker(scratch: string): Promise<ChildProcess> {
  const program = `
    import { writeFileSync } from 'node:fs';
    import { withScratch } from '${CONTEXT}';
    import { runProgram } from '${RUN}';
    const work = ({ context }) => withScratch(context, async (folder) => {
      writeFileSync(folder + '/secret', 'x');
      context.signal.addEventListener('abort', () => console.error('aborted'));
      console.log('works');
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    });
    await runProgram((io) => ({ commands: [], parseAsync: () => work(io) }), process);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    env: { TMPDIR: scratch },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const failed = once(child, 'exit').then(() => Promise.reject(new Error('the program ended')));
  await Promise.race([once(child.stdout, 'data'), failed]);
  failed.catch(() => {});
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const ended = once(child, 'exit');
  child.kill(signal);
  return (await ended)[0];
}
