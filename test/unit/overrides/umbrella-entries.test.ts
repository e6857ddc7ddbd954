import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { mergeSettings } from '../../../src/overrides/settings/setting.ts';
import { type ChartEntry, entrySettings, withEntryValues } from '../../../src/overrides/umbrella-entries.ts';
import { buildOverlay } from '../../../src/value-tracing/leaves.ts';

const entry: ChartEntry = {
  keys: ['charts', 'web'],
  fields: { version: 'version', repository: 'repository', values: 'values' },
  name: 'web-chart',
  version: 'v1.2.0',
  base: { image: 'web:1', extra: [{ image: 'x:1', keep: true }, { image: 'y:1' }] },
  settings: [
    { path: ['extra', 1, 'image'], value: 'r.example/y:1', comment: 'y:1' },
    { path: ['image'], value: 'r.example/web:1', comment: 'web:1' },
  ],
  overrides: {},
};
const address = 'oci://r.example/charts/web-chart';

it("writes address, version and overrides to the parent's entry, with the child's default list whole", () => {
  const base = withEntryValues({ charts: { web: { repository: 'https://c.example', values: { replicas: 2 } } } }, [
    entry,
  ]);
  expect(buildOverlay(base, mergeSettings(entrySettings(entry, address, base)))).toEqual({
    charts: {
      web: {
        repository: address,
        version: 'v1.2.0',
        values: { image: 'r.example/web:1', extra: [{ image: 'x:1', keep: true }, { image: 'r.example/y:1' }] },
      },
    },
  });
});

it("keeps values given as text, including the parent's", () => {
  const base = withEntryValues({ charts: { web: { repository: 'x', values: 'replicas: 2 # ours\nimage: old\n' } } }, [
    entry,
  ]);
  const overrides = { image: 'r.example/web:1' };
  const settings = entrySettings({ ...entry, overrides }, address, base);
  const { values } = (buildOverlay(base, settings) as { charts: { web: { values: string } } }).charts.web;
  expect(values).toContain('# ours');
  expect(parse(values)).toEqual({ replicas: 2, image: 'r.example/web:1' });
});

it('keeps a list of entries complete', () => {
  const listEntry = { ...entry, keys: ['charts', 1] };
  const base = withEntryValues({ charts: [{ name: 'a' }, { name: 'web', repository: 'x' }] }, [listEntry]);
  expect(buildOverlay(base, mergeSettings(entrySettings(listEntry, address, base)))).toMatchObject({
    charts: [
      { name: 'a' },
      { name: 'web', repository: address, version: 'v1.2.0', values: { image: 'r.example/web:1' } },
    ],
  });
});

it('uses the later of two settings for one leaf', () => {
  const setting = (value: string) => ({ path: ['a'], value, comment: value });
  expect(mergeSettings([setting('1'), setting('2')])).toEqual([setting('2')]);
});
