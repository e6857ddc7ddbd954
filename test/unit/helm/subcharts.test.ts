import { expect, test } from 'vitest';
import { subchartsOf } from '../../../src/helm/subcharts.ts';
import { chartYaml } from '../../support/charts.ts';

const files = new Map([
  ['Chart.yaml', chartYaml('shop', '1.0.0', 'dependencies:\n  - {name: redis, alias: cache}\n  - {name: web}\n')],
  ['charts/redis/Chart.yaml', chartYaml('redis', '7.2.0')],
  ['charts/redis/requirements.yaml', 'dependencies:\n  - {name: exporter, alias: metrics}\n'],
  ['charts/redis/charts/exporter/Chart.yaml', 'version: ['],
  ['charts/web/Chart.yaml', chartYaml('web', '2.0.0')],
]);

test.each([
  ['shop/templates/a.yaml', []],
  ['shop/templates/charts/a.yaml', []],
  ['shop/charts/web/templates/a.yaml', [{ name: 'web', version: '2.0.0' }]],
  ['shop/charts/cache/templates/a.yaml', [{ name: 'redis', version: '7.2.0', alias: 'cache' }]],
  [
    'shop/charts/cache/charts/metrics/templates/a.yaml',
    [
      { name: 'redis', version: '7.2.0', alias: 'cache' },
      { name: 'exporter', alias: 'metrics' },
    ],
  ],
  ['shop/charts/unknown/templates/a.yaml', [{ name: 'unknown' }]],
])('%s', (template, subcharts) => {
  expect(subchartsOf(files, template)).toEqual(subcharts);
});
