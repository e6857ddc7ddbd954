import { expect, test } from 'vitest';
import { OverridesFiles } from '../../../src/cli/commands/values-files.ts';

type Chart = readonly [chart: string, version: string, profile?: string];

function names(charts: readonly Chart[]): (string | undefined)[] {
  const files = new OverridesFiles({ outDir: 'out' }, '/srv');
  files.expect(charts.map(([chart, version]) => ({ chart, version })));
  return charts.map(([chart, version, profile = 'default']) => files.overrides(chart, version, profile));
}

test('files of a chart in two versions include the version', () => {
  const charts: Chart[] = [
    ['cert-manager', 'v1.17.2'],
    ['cert-manager', 'v1.21.1'],
    ['shop', '1.0.0'],
    ['shop', '1.0.0', 'prod'],
  ];
  expect(names(charts)).toEqual([
    '/srv/out/cert-manager-v1.17.2.yaml',
    '/srv/out/cert-manager-v1.21.1.yaml',
    '/srv/out/shop.yaml',
    '/srv/out/shop-prod.yaml',
  ]);
});

test('names are unique', () => {
  const charts: Chart[] = [
    ['shop', '1.0.0', 'a/b'],
    ['shop', '1.0.0', 'a b'],
    ['shop', '1.0.0', 'a:b'],
    ['shop', '1.0.0', 'a|b'],
    ['shop-prod', '1.0.0'],
    ['shop', '1.0.0', 'prod'],
  ];
  const all = names(charts);
  expect(new Set(all).size).toBe(charts.length);
  for (const path of all) expect(path).toMatch(/^\/srv\/out\/shop-[\w.-]+\.yaml$/);
});
