import { expect, it } from 'vitest';
import { before, shortened, withoutEnd, withoutEnds } from '../../../src/base/text-ends.ts';

it('removes characters from the ends', () => {
  expect(withoutEnd('/a//b///', '/')).toBe('/a//b');
  expect(withoutEnds('//a/b//', '/')).toBe('a/b');
  expect([withoutEnd('///', '/'), withoutEnds('///', '/'), withoutEnds('', '/')]).toEqual(['', '', '']);
});

it('returns the text before a mark', () => {
  expect([before('a@b@c', '@'), before('abc', '@'), before('@a', '@')]).toEqual(['a', 'abc', '']);
});

it('cuts the middle out of a long text, between lines', () => {
  expect(shortened('short', 100)).toBe('short');
  const lines = Array.from({ length: 10_000 }, (_, i) => `line ${i}`).join('\n');
  const cut = shortened(lines, 1000);
  expect(cut.length).toBeLessThan(1100);
  expect(cut).toMatch(/^line 0\n/);
  expect(cut).toMatch(/\nline 9999$/);
  for (const line of cut.split('\n')) expect(line).toMatch(/^(?:line \d+|… \d+ .* …)$/);
  expect(shortened('x'.repeat(300_000), 64_000).length).toBeLessThan(65_000);
});
