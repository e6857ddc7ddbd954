import { expect, it } from 'vitest';
import { lines } from '../../../../../src/cli/reports/html/parts.ts';

it('of an output of any length the last lines are shown', () => {
  const text = [...lines(`first${'\n'.repeat(1_000_000)}<b>\nlast`)].join('');
  expect(text).toMatch(/^<pre>\n[\n]+&lt;b&gt;\nlast<\/pre>$/);
  expect(text.length).toBeLessThan(1000);
});
