import { expect, it } from 'vitest';
import { helmConfig } from '../../../../src/bundle/format/helm-config.ts';

// As `helm push` of 3.17.3 and 4.1.4 writes it; test/e2e/chart-archives.test.ts compares the two for a whole chart.
it('has the order, escapes and omissions of Go', () => {
  const metadata = {
    version: '1.0.0',
    name: 'app',
    apiVersion: 'v2',
    description: 'a <b> & "c" \u2028 é',
    deprecated: false,
    keywords: [],
    unknown: 1,
    annotations: { z: '1', a: '2' },
    maintainers: [{ url: 'u', email: '', name: 'Ann', other: 1 }, 'not one'],
    dependencies: [
      { condition: 'x.enabled', name: 'x', version: '1', 'import-values': [{ parent: 'p', child: 'c' }, 'data'] },
      { alias: 'z', name: 'y', repository: 'oci://r', enabled: true, tags: ['b', 'a'] },
    ],
  };
  expect(helmConfig(metadata).toString()).toBe(
    [
      '{"name":"app","version":"1.0.0","description":"a \\u003cb\\u003e \\u0026 \\"c\\" \\u2028 é",',
      '"maintainers":[{"name":"Ann","url":"u"}],"apiVersion":"v2","annotations":{"a":"2","z":"1"},',
      '"dependencies":[{"name":"x","version":"1","repository":"","condition":"x.enabled",',
      '"import-values":[{"child":"c","parent":"p"},"data"]},',
      '{"name":"y","repository":"oci://r","tags":["b","a"],"enabled":true,"alias":"z"}]}',
    ].join(''),
  );
});

it('is as short as its metadata', () => {
  expect(helmConfig({ name: 'a', version: '1' }).toString()).toBe('{"name":"a","version":"1"}');
});
