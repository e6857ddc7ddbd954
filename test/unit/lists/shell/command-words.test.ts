import { describe, expect, test } from 'vitest';
import { commandWords } from '../../../../src/lists/shell/command-words.ts';

describe('the words of a command', () => {
  test.each([
    ['trivy image --input {}', ['trivy', 'image', '--input', '{}']],
    [`sh -c 'a | b "$1"' sh {}`, ['sh', '-c', 'a | b "$1"', 'sh', '{}']],
    ['"a b"c \'d e\' f\\ g ""', ['a bc', 'd e', 'f g', '']],
    ['  a\tb \\\n c ', ['a', 'b', 'c']],
    ['a * ~ #b --x=y', ['a', '*', '~', '#b', '--x=y']],
    ['', []],
  ])('%s', (text, words) => {
    expect(commandWords(text)).toEqual({ words });
  });

  test.each([
    'a | b',
    'a; b',
    'a && b',
    'a > f',
    'a < f',
    'a $HOME',
    'a "$HOME"',
    'a $(b)',
    'a `b`',
    '(a)',
    'a "b',
    "a 'b",
    'a\nb',
    'a {b,c}',
  ])('a shell would be needed: %j', (text) => {
    expect(commandWords(text)).toHaveProperty('problem');
  });
});
