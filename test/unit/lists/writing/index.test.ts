import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { printable } from '../../../../src/base/printable.ts';
import { readList } from '../../../../src/lists/index.ts';
import type { WrittenFormat } from '../../../../src/lists/list-format.ts';
import { chartAt, type WrittenList, writeList } from '../../../../src/lists/writing/index.ts';
import { hostileText } from '../../../support/hostile-text.ts';
import fc from '../../../support/property.ts';

const DIGEST = `sha256:${'1'.repeat(64)}`;
const list: WrittenList = {
  charts: [
    { name: 'app', version: '1.2.3', repository: 'https://c.example/stable' },
    { name: 'app', version: '1.3.0+a', repository: 'oci://r.example:5000/charts' },
  ],
  images: [
    'docker.io/library/nginx:1.10',
    `quay.io/a/b@${DIGEST}`,
    `quay.io/a/b:1@${DIGEST}`,
    'localhost:5000/c:latest',
  ],
  remarks: ['possible: quay.io/a/c:1'],
};
const FORMATS: readonly WrittenFormat[] = ['shell', 'hauler', 'zarf', 'skopeo-sync'];

describe.each(FORMATS)('%s', (format) => {
  const read = (text: string) => readList(Buffer.from(text), { file: 'list' });

  it('is read again with the same charts and images', () => {
    const { charts, images, notTaken, ...content } = read(writeList(format, list));
    expect([content.format, notTaken]).toEqual([format, []]);
    // Skopeo takes a tag or a digest, and no charts.
    const isSkopeo = format === 'skopeo-sync';
    const named = list.images.map((image) => (isSkopeo ? image.replace(':1@', '@') : image));
    expect([...new Set(images.map(({ reference }) => reference))].sort()).toEqual([...new Set(named)].sort());
    expect(charts.map(({ chart, repo, version }) => [chart, repo, version])).toEqual(
      isSkopeo
        ? []
        : [
            ['app', 'https://c.example/stable', '1.2.3'],
            ['oci://r.example:5000/charts/app', undefined, '1.3.0+a'],
          ],
    );
  });

  it('of one image needs no charts', () => {
    const text = writeList(format, { charts: [], images: ['quay.io/a/b:1'], remarks: [] });
    expect(read(text)).toMatchObject({ format, charts: [], images: [{ reference: 'quay.io/a/b:1' }] });
  });

  it('keeps remarks of any text in comments', () => {
    fc.assert(
      fc.property(hostileText, (remark) => {
        const text = writeList(format, { ...list, remarks: [remark] });
        expect(text).toBe(printable(text));
        expect(read(text).images).toHaveLength(read(writeList(format, list)).images.length);
      }),
      { numRuns: 50 },
    );
  });
});

it('Hauler and Zarf get the fields of their schemas', () => {
  const [images, charts] = parseAllDocuments(writeList('hauler', list)).map((document) => document.toJS());
  expect(images).toMatchObject({
    apiVersion: 'content.hauler.cattle.io/v1',
    kind: 'Images',
    spec: { images: [{ name: list.images[0] }, {}, {}, {}] },
  });
  expect(charts.spec.charts).toEqual([
    { name: 'app', repoURL: 'https://c.example/stable', version: '1.2.3' },
    { name: 'app', repoURL: 'oci://r.example:5000/charts', version: '1.3.0+a' },
  ]);
  expect(parse(writeList('zarf', list))).toEqual({
    kind: 'ZarfPackageConfig',
    metadata: { name: 'airgap' },
    components: [
      {
        name: 'airgap',
        required: true,
        charts: [
          { name: 'app', version: '1.2.3', namespace: 'default', url: 'https://c.example/stable' },
          { name: 'app-2', version: '1.3.0+a', namespace: 'default', url: 'oci://r.example:5000/charts/app' },
        ],
        images: list.images,
      },
    ],
  });
});

it.each([
  ['https://c.example/stable/app', { name: 'app', repository: 'https://c.example/stable' }],
  ['oci://r.example:5000/charts/app', { name: 'app', repository: 'oci://r.example:5000/charts' }],
  ['oci://r.example/charts/app:1.2.3', { name: 'app', repository: 'oci://r.example/charts' }],
  [`oci://r.example/charts/app@${DIGEST}`, { name: 'app', repository: 'oci://r.example/charts' }],
  ['app-1.0.0.tgz', undefined],
  ['oci://r.example', undefined],
  ['https://c.example/../$(x)', undefined],
])('the chart at %s', (source, expected) => {
  expect(chartAt(source, '1')).toEqual(expected && { ...expected, version: '1' });
});
