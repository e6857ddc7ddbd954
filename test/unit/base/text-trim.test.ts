import { expect, it } from 'vitest';
import { textBefore, trimBothEnds, trimTrailing, truncateMiddle } from '../../../src/base/text-trim.ts';

it('removes characters from the ends', () => {
  expect(trimTrailing('/a//b///', '/')).toBe('/a//b');
  expect(trimBothEnds('//a/b//', '/')).toBe('a/b');
  expect([trimTrailing('///', '/'), trimBothEnds('///', '/'), trimBothEnds('', '/')]).toEqual(['', '', '']);
});

it('returns the text before a mark', () => {
  expect([textBefore('a@b@c', '@'), textBefore('abc', '@'), textBefore('@a', '@')]).toEqual(['a', 'abc', '']);
});

it('cuts the middle out of a long text, between lines', () => {
  expect(truncateMiddle('short', 100)).toBe('short');
  const lines = Array.from({ length: 10_000 }, (_, i) => `line ${i}`).join('\n');
  const cut = truncateMiddle(lines, 1000);
  expect(cut.length).toBeLessThan(1100);
  expect(cut).toMatch(/^line 0\n/);
  expect(cut).toMatch(/\nline 9999$/);
  for (const line of cut.split('\n')) expect(line).toMatch(/^(?:line \d+|... \d+ .* ...)$/);
  expect(truncateMiddle('x'.repeat(300_000), 64_000).length).toBeLessThan(65_000);
});
