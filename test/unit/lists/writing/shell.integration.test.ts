import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { shellList } from '../../../../src/lists/writing/shell.ts';

it('bash reads the arrays, whatever the versions and addresses are', () => {
  const charts = ['$(touch x)\'"`', 'a b', '*', '\\'].map((version) => ({
    name: 'a',
    version,
    repository: 'https://c',
  }));
  const script = `${shellList({ images: [], remarks: [], charts })}\nprintf '%s\\n' "\${CHARTS[@]}"`;
  const rows = execFileSync('bash', ['-euc', script], { encoding: 'utf8' }).trim().split('\n');
  expect(rows).toEqual(charts.map(({ version }) => `a|${version}|https://c`));
});
