import { join } from 'node:path';
import { execa } from 'execa';
import { expect, it } from 'vitest';

const module = join(import.meta.dirname, '../../../src/cli/interrupts.ts');

/** Runs a program until it prints that it is ready, and interrupts it. */
async function interrupted(body: string): Promise<{ code: number; out: string; milliseconds: number }> {
  const program = `import { watchInterrupts } from ${JSON.stringify(module)};
process.on('SIGINT', () => { console.log('handled'); process.exit(7); });
watchInterrupts(process, '{}');
// Time for the thread to start on a busy machine.
setTimeout(() => { process.stdout.write('ready\\n'); ${body} }, 1500);`;
  const child = execa(process.execPath, ['--input-type=module', '-e', program], { reject: false });
  await new Promise((ready) => child.stdout.once('data', ready));
  const started = performance.now();
  child.kill('SIGINT');
  const { exitCode, signal, stdout } = await child;
  const code = signal === 'SIGINT' ? 130 : (exitCode ?? -1);
  return { code, out: stdout, milliseconds: performance.now() - started };
}

it('Ctrl-C ends a process whose main thread is busy', async () => {
  const { code, out, milliseconds } = await interrupted('for (const end = Date.now() + 20000; Date.now() < end; );');
  expect([code, out]).toEqual([130, 'ready\n{}']);
  expect(milliseconds).toBeLessThan(2500);
});

it('Ctrl-C ends a process that is busy with a regular expression', async () => {
  const { code, milliseconds } = await interrupted("/^(?:a+)+$/.test('a'.repeat(40) + 'b');");
  expect(code).toBe(130);
  expect(milliseconds).toBeLessThan(2500);
});

it('Ctrl-C reaches the handler of an idle process', async () => {
  const { code, out, milliseconds } = await interrupted('setTimeout(() => {}, 20000);');
  expect([code, out]).toEqual([7, 'ready\nhandled']);
  expect(milliseconds).toBeLessThan(1500);
});

it('the thread does not keep a finished process alive', async () => {
  const { exitCode } = await execa(process.execPath, [
    ...['--input-type=module', '-e', `(await import(${JSON.stringify(module)})).watchInterrupts(process)`],
  ]);
  expect(exitCode).toBe(0);
});
