import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { replaceFigures, table } from '../../../evaluation/page.ts';
import { scratchFolder } from '../../support/scratch.ts';

test('a table has text columns first', () => {
  expect(table(['', 'n'], [['a', 1]])).toBe('|  | n |\n| --- | ---: |\n| a | 1 |');
  expect(table(['a', 'b', 'n'], [], 2)).toBe('| a | b | n |\n| --- | --- | ---: |');
});

test('figures replace those of their section only', () => {
  const file = join(scratchFolder(), 'page.md');
  const section = (name: string, figures: string): string =>
    `<!-- figures: written by npm run ${name} -->\n\n${figures}\n\n<!-- end of figures -->\n`;
  writeFileSync(file, `# Head\n${section('faults', 'old')}Text\n${section('faults (rate)', 'rate')}`);
  replaceFigures(file, 'faults', 'new');
  expect(readFileSync(file, 'utf8')).toBe(
    `# Head\n${section('faults', 'new')}Text\n${section('faults (rate)', 'rate')}`,
  );
  expect(() => replaceFigures(file, 'bench', 'x')).toThrow('no markers');
});
