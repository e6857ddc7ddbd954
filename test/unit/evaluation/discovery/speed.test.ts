import { expect, test } from 'vitest';
import { nestedFlags } from '../../../../evaluation/discovery/search.ts';
import { scripts } from '../../../../evaluation/discovery/speed.ts';
import type { CorpusChart } from '../../../support/corpus.ts';

const chart: CorpusChart = {
  name: 'shop-1.0.0',
  archive: '/charts/shop-1.0.0.tgz',
  render: { releaseName: 'rel' },
  flags: ['--set', "a=it's"],
  images: [],
  ambiguous: [],
  traps: [],
  nests: false,
};

test('nested charts are read from the folder if the truth has any', () => {
  expect(nestedFlags([chart])).toEqual([]);
  expect(nestedFlags([chart, { ...chart, nests: true }])).toEqual(['--chart-mirror', '*=/charts']);
});

test('timed commands quote blanks and quotes', () => {
  const commands = scripts('/a helm', [chart], "/it's here/all.yaml", 2);
  expect(commands.images).toContain("'--config' '/it'\\''s here/all.yaml'");
  expect(commands['one by one']).toBe(
    "'/a helm' 'template' 'rel' '/charts/shop-1.0.0.tgz' '--set' 'a=it'\\''s' > /dev/null",
  );
});
