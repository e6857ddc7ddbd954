import { dirname } from 'node:path';
import { expect, it } from 'vitest';
import { pathInside, UniqueFileNames } from '../../../../src/base/file-names.ts';
import { OverridesFiles } from '../../../../src/cli/commands/values-files.ts';
import { hostileText } from '../../../support/hostile-text.ts';
import fc from '../../../support/property.ts';

it('paths stay in the folder for any names of charts, versions and profiles', () => {
  const chart = fc.tuple(hostileText, fc.oneof(hostileText, fc.constant('/../../x')), hostileText);
  fc.assert(
    fc.property(fc.uniqueArray(chart, { maxLength: 6, selector: (one) => JSON.stringify(one) }), (charts) => {
      const files = new OverridesFiles({ outDir: 'out', residue: 'repack' }, '/base');
      const paths = charts.map((one) => files.overrides(...one) ?? '');
      expect(new Set(paths.map(dirname))).toEqual(new Set(charts.length === 0 ? [] : ['/base/out']));
      // Paths are unique on case-insensitive file systems too.
      expect(new Set(paths.map((path) => path.toLowerCase())).size).toBe(charts.length);
      expect(charts.map((one) => files.overrides(...one) ?? '')).toEqual(paths);
      for (const one of charts) expect(dirname(files.unmappedFile('repack', ...one))).toBe('/base/out');
    }),
  );
});

it('ordinary names are kept', () => {
  const files = new OverridesFiles({ outDir: '/out' }, '/');
  expect(files.overrides('web', '1.0.0', 'default')).toBe('/out/web.yaml');
  expect(files.overrides('web', '2.0.0+b1', 'default')).toBe('/out/web-2.0.0+b1.yaml');
  expect(files.overrides('web', '1.0.0', 'production eu')).toBe('/out/web-production-eu.yaml');
  expect(files.overrides('web', '1.0.0', 'default')).toBe('/out/web.yaml');
});

it('names in use get a number', () => {
  const names = new UniqueFileNames();
  expect([names.take('a', 'a-1'), names.take('A', 'a-1'), names.take('a', 'a-1'), names.take('a')]).toEqual([
    ...['a', 'a-1', 'a-1-2', 'a-2'],
  ]);
});

it.each(['../x', '/../x', 'a/../../x', '..', '.', ''])('a path outside the folder is refused: %j', (path) => {
  expect(() => pathInside('/out', path)).toThrow(expect.objectContaining({ code: 'file' }));
  expect(pathInside('/', 'x')).toBe('/x');
});

type Chart = readonly [chart: string, version: string, profile?: string];

function names(charts: readonly Chart[]): (string | undefined)[] {
  const files = new OverridesFiles({ outDir: 'out' }, '/srv');
  files.expect(charts.map(([chart, version]) => ({ chart, version })));
  return charts.map(([chart, version, profile = 'default']) => files.overrides(chart, version, profile));
}

it('files of a chart in two versions include the version', () => {
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

it('names are unique', () => {
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
