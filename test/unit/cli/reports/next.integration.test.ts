import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { airgapCommand, fileWord, nextStep, shellWord } from '../../../../src/cli/reports/next.ts';
import { hostileText } from '../../../support/hostile-text.ts';
import fc from '../../../support/property.ts';

/** Returns the words that a real shell reads. */
function wordsOf(line: string): string[] {
  const script = `printf '%s\\0' ${line}`;
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
}

it('words mean themselves to a shell', () => {
  const words = [
    'a b',
    "it's",
    '*',
    '$HOME',
    '`id`',
    '"',
    '~',
    '!x',
    'a;b',
    '',
    '#c',
    '--set=a={b,c}',
    'C:\\x',
    'ü',
    '$(id)',
  ];
  expect(wordsOf(words.map(shellWord).join(' '))).toEqual(words);
  expect(shellWord('./site.yaml')).toBe('./site.yaml');
});

it('words of any text mean themselves, or are a placeholder', () => {
  fc.assert(
    fc.property(fc.array(hostileText, { maxLength: 3 }), (words) => {
      const read = wordsOf(['x', ...words.map(shellWord)].join(' '));
      expect(read).toHaveLength(words.length + 1);
      for (const [i, word] of words.entries()) expect([word, 'ARGUMENT']).toContain(read[i + 1]);
    }),
    { numRuns: 100 },
  );
});

it('no path is taken for a flag', () => {
  expect(fileWord('-rf')).toBe('./-rf');
  expect(fileWord('a-b')).toBe('a-b');
});

it('a step is one line with the command at its end', () => {
  expect(nextStep(airgapCommand('push', 'a b.tar'))).toBe("next: helm airgap push 'a b.tar'");
  expect(nextStep(['helm'], 'carry a\nb over')).toBe('next: carry a\\nb over, then: helm');
});
