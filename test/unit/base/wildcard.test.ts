import { expect, it } from 'vitest';
import { wildcard } from '../../../src/base/wildcard.ts';
import { escapeRegExp } from '../../support/escape-reg-exp.ts';
import fc from '../../support/property.ts';

it('matches like a regular expression with .* for each star', () => {
  const letters = fc.array(fc.constantFrom('a', 'b', '*', '.', '/'), { maxLength: 8 }).map((all) => all.join(''));
  fc.assert(
    fc.property(letters, letters, (pattern, name) => {
      const expected = new RegExp(`^${pattern.split('*').map(escapeRegExp).join('.*')}$`).test(name);
      expect(wildcard(pattern).test(name)).toBe(expected);
    }),
    { numRuns: 2000 },
  );
});

it('takes linear time for many stars', () => {
  const [pattern, name] = [`${'*a'.repeat(1000)}*c`, 'ab'.repeat(50_000)];
  const started = performance.now();
  expect(wildcard(pattern).test(name)).toBe(false);
  expect(wildcard(pattern).test(`${name}c`)).toBe(true);
  expect(performance.now() - started).toBeLessThan(1000);
});
