import { expect, test } from 'vitest';
import { CannotRun, defineEvaluation, helpOf, parseOptions } from '../../../evaluation/evaluation.ts';

const options = {
  folder: { default: '', isArgument: true, help: 'charts' },
  only: { default: '', help: 'a name' },
  rounds: { default: 3, help: 'rounds' },
  every: { default: 1, least: 1, help: 'each n-th' },
  build: { default: true, help: 'no build' },
  small: { default: false, help: 'small' },
} as const;

test('options have defaults, and their values have types', () => {
  const defaults = { folder: '', only: '', rounds: 3, every: 1, build: true, small: false };
  expect(parseOptions(options, [])).toEqual(defaults);
  const args = ['charts', '--only', 'x', '--rounds=0', '--every', '29', '--no-build', '--small'];
  const given = { folder: 'charts', only: 'x', rounds: 0, every: 29, build: false, small: true };
  expect(parseOptions(options, args)).toEqual(given);
});

test.each([
  ['--rounds', 'x'],
  ['--rounds', '-1'],
  ['--rounds', ''],
  ['--rounds', '1.5'],
  ['--every', '0'],
])('%s %s is refused', (flag, value) => {
  expect(() => parseOptions(options, [`${flag}=${value}`])).toThrow(new RegExp(`^${flag} `));
});

test.each([[['--unknown']], [['one', 'two']], [['--only']]])('%j is refused', (args) => {
  expect(() => parseOptions(options, args)).toThrow(CannotRun);
});

test('--help lists every option', () => {
  expect(parseOptions(options, ['--help'])).toBeUndefined();
  const report = { figures: '', section: undefined, faults: [], isGood: true };
  const evaluation = defineEvaluation({
    script: 'accuracy',
    summary: 'Measures.',
    options,
    measure: async () => 1,
    report: () => report,
  });
  const [usage, , summary, , ...rows] = helpOf(evaluation).split('\n');
  expect([usage, summary]).toEqual(['npm run accuracy -- [options]', 'Measures.']);
  expect(rows.map((row) => row.trim().split(/ {2,}/)[0])).toEqual([
    'FOLDER',
    '--only ONLY',
    '--rounds N',
    '--every N',
    '--no-build',
    '--small',
  ]);
});
