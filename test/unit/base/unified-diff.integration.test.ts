import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { undoPatch, unifiedDiff } from '../../../src/base/unified-diff.ts';
import fc from '../../support/property.ts';
import { scratchFolder } from '../../support/scratch.ts';

type Change = Parameters<typeof unifiedDiff>[0][number];

const PROGRAMS = {
  'git apply': (cwd: string, input: string) =>
    execa('git', ['apply', '-'], { cwd, input, env: { GIT_CEILING_DIRECTORIES: '/' } }),
  'patch -p1': (cwd: string, input: string) => execa('patch', ['-p1', '--no-backup-if-mismatch'], { cwd, input }),
} as const;

function write(folder: string, files: readonly (readonly [string, string])[]): void {
  for (const [path, text] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

/** Applies the patch and the undo patch with a real program. */
async function there(
  changes: readonly Change[],
  program: keyof typeof PROGRAMS,
  folder = scratchFolder(),
): Promise<void> {
  const texts = (): string[] => changes.map(({ path }) => readFileSync(join(folder, path), 'utf8'));
  write(
    folder,
    changes.map(({ path, before }) => [path, before]),
  );
  await PROGRAMS[program](folder, unifiedDiff(changes));
  expect(texts()).toEqual(changes.map(({ after }) => after));
  await PROGRAMS[program](folder, undoPatch(changes));
  expect(texts()).toEqual(changes.map(({ before }) => before));
}

const lines = (count: number, change?: readonly number[], end = '\n'): string =>
  Array.from({ length: count }, (_, i) => `${change?.includes(i) ? 'new' : 'line'} ${i}${end}`).join('');

describe.each(['git apply', 'patch -p1'] as const)('%s applies', (program) => {
  test.each<[string, readonly Change[]]>([
    ['a change in one line', [{ path: 'values.yaml', before: 'a: 1\n', after: 'a: 2\n' }]],
    ['changes at both ends', [{ path: 'a/b.yaml', before: lines(30), after: lines(30, [0, 1, 29]) }]],
    ['changes that share a hunk', [{ path: 'a', before: lines(30), after: lines(30, [5, 12, 20]) }]],
    ['no last line end', [{ path: 'a', before: 'x\ny', after: 'x\nz' }]],
    ['no last line end after the change', [{ path: 'a', before: 'x\ny', after: 'z\ny' }]],
    ['Windows line ends', [{ path: 'a', before: lines(9, [], '\r\n'), after: lines(9, [4], '\r\n') }]],
    [
      'lines that look like a patch',
      [{ path: 'a', before: '--- a\n+++ b\n@@ -1 +1 @@\nx\n', after: '--- a\n+++ c\n@@ -1 +1 @@\nx\n' }],
    ],
    ['a name with spaces', [{ path: 'my charts/app one/values.yaml', before: 'a\n', after: 'b\n' }]],
    ['several files', ['a', 'b/c', 'd'].map((path) => ({ path, before: lines(4), after: lines(4, [2]) }))],
  ])('%s, and back', async (_, changes) => {
    await there(changes, program);
  });

  test('names with quotes, umlauts and control characters', async () => {
    await there([{ path: 'grün "x"\\y\t.yaml', before: 'a\n', after: 'b\n' }], program);
  });

  test('any lines', async () => {
    const line = fc.stringMatching(/^[-+ @\\a-z]{0,4}\r?$/);
    const change = fc.record({
      pairs: fc.array(fc.tuple(line, line, fc.boolean()), { minLength: 1, maxLength: 20 }),
      hasEnd: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ pairs, hasEnd }) => {
        const text = (pick: (pair: (typeof pairs)[number]) => string): string =>
          `${pairs.map(pick).join('\n')}${hasEnd ? '\n' : '.'}`;
        const [before, after] = [
          text(([first]) => first),
          text(([first, second, changes]) => (changes ? second : first)),
        ];
        if (before !== after) await there([{ path: 'a', before, after }], program);
      }),
      { numRuns: 25 },
    );
  });
});

test('git apply takes paths as relative to the working folder, also inside a repository', async () => {
  const folder = scratchFolder();
  await execa('git', ['init', '-q', folder]);
  await there([{ path: 'app/values.yaml', before: 'a\n', after: 'b\n' }], 'git apply', join(folder, 'charts'));
});

test('an unchanged file is left out', () => {
  expect(unifiedDiff([{ path: 'a', before: 'x\n', after: 'x\n' }])).toBe('');
});
