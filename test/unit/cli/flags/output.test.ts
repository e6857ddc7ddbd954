import { expect, it } from 'vitest';
import { printReport } from '../../../../src/cli/flags/output.ts';
import type { CommandIO } from '../../../../src/cli/run.ts';
import { Terminal } from '../../../support/terminal.ts';

const table = { head: ['IMAGE', 'FOUND IN'], rows: [['quay.io/team/web:1.0', 'a place with many words '.repeat(10)]] };

/** Prints a report to a stdout with these columns, and returns what was written to which stream. */
async function printed(columns: number | undefined, notes: readonly string[] = [], next: readonly string[] = []) {
  const written: [stream: string, text: string][] = [];
  const io = {
    columns: () => columns,
    print: (text: string) => written.push(['out', text]),
    info: (text: string) => written.push(['err', text]),
  };
  await printReport(io as unknown as CommandIO, { result: [table], notes }, next);
  return written;
}

it('fits tables to the terminal, and writes one line for each row elsewhere', async () => {
  const widest = (written: readonly (readonly [string, string])[]): number =>
    Math.max(...written.flatMap(([, text]) => text.split('\n').map((line) => line.length)));
  expect(widest(await printed(100))).toBeLessThanOrEqual(100);
  expect(widest(await printed(3))).toBeLessThanOrEqual(60);
  expect(widest(await printed(Number.NaN))).toBeLessThanOrEqual(80);
  const [[, text = ''] = []] = await printed(undefined);
  expect(text.split('\n')).toHaveLength(2);
});

it('writes the result to stdout, then notes and the next step to stderr, and nothing if there is nothing', async () => {
  const streams = async (...more: [notes: string[], next: string[]]) =>
    (await printed(80, ...more)).map(([name]) => name);
  expect(await streams(['a note'], ['next: x'])).toEqual(['out', 'err']);
  expect((await printed(80, ['a note'], ['next: x']))[1]).toEqual(['err', 'a note\nnext: x']);
  expect(await streams([], [])).toEqual(['out']);
});

it('takes the width from stdout if that is a terminal', async () => {
  const long = `quay.io/team/${'a'.repeat(40)}:1`;
  const widest = async (stdout?: { readonly columns?: number }): Promise<number> => {
    const terminal = new Terminal(['images', '--image', long]);
    terminal.stdoutSize = stdout;
    const { code, out } = await terminal.run();
    expect(code).toBe(0);
    expect(out).toContain(long);
    return Math.max(...out.split('\n').map((line) => line.length));
  };
  expect(await widest(), 'not a terminal').toBeGreaterThan(80);
  expect(await widest({ columns: 60 })).toBeLessThanOrEqual(60);
  expect(await widest({}), 'without a size').toBeLessThanOrEqual(80);
});
