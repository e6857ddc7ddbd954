import { describe, expect, it } from 'vitest';
import { ListCollector } from '../../../src/lists/content.ts';
import { type ListKind, takeEntry } from '../../../src/lists/rows.ts';

function take(text: string, kind: ListKind): ListCollector {
  const collector = new ListCollector('list');
  takeEntry(text, kind, 1, collector);
  return collector;
}

const DIGEST = `sha256:${'1'.repeat(64)}`;

describe('an entry is a chart or an image by its form', () => {
  it.each<[string, ListKind, object]>([
    ['app|1.2.3|https://c.example/x', undefined, { chart: 'app', version: '1.2.3', repo: 'https://c.example/x' }],
    [
      'app | v1.2.3 | https://c.example/x |',
      'images',
      { chart: 'app', version: 'v1.2.3', repo: 'https://c.example/x' },
    ],
    ['app|https://c.example/x|1.2.3', undefined, { chart: 'app', version: '1.2.3', repo: 'https://c.example/x' }],
    ['app|https://c.example/x', undefined, { chart: 'app', version: undefined, repo: 'https://c.example/x' }],
    ['app|1.2.3|oci://r.example/charts/', undefined, { chart: 'oci://r.example/charts/app', version: '1.2.3' }],
    ['oci://r.example/charts/app:1.2.3_b', undefined, { chart: 'oci://r.example/charts/app', version: '1.2.3+b' }],
    ['oci://r.example:5000/app', undefined, { chart: 'oci://r.example:5000/app' }],
    ['./charts/app-1.0.0.tgz', 'charts', { chart: './charts/app-1.0.0.tgz', isPath: true }],
    ['app|1.0.0|./charts/app', 'charts', { chart: './charts/app', isPath: true }],
  ])('chart: %s in %s', (text, kind, chart) => {
    const { charts, images, problems } = take(text, kind);
    expect([images, problems]).toEqual([[], []]);
    expect(charts).toMatchObject([chart]);
  });

  it.each<[string, ListKind, string]>([
    ['nginx', undefined, 'docker.io/library/nginx:latest'],
    ['docker://nginx:1', undefined, 'docker.io/library/nginx:1'],
    ['quay.io/a/b|1.2', undefined, 'quay.io/a/b:1.2'],
    ['nginx|1.25', 'images', 'docker.io/library/nginx:1.25'],
    ['b|1.2|quay.io/a/', undefined, 'quay.io/a/b:1.2'],
    [`b|${DIGEST}|quay.io/a`, undefined, `quay.io/a/b@${DIGEST}`],
    ['localhost:5000/a:1', undefined, 'localhost:5000/a:1'],
  ])('image: %s in %s', (text, kind, reference) => {
    const { charts, images, problems, notTaken } = take(text, kind);
    expect([charts, problems, notTaken]).toEqual([[], [], []]);
    expect(images.map((image) => image.reference)).toEqual([reference]);
  });

  it('further fields of a row with a whole reference are platforms, or named', () => {
    expect(take('nginx:1|linux/arm64', undefined).images).toMatchObject([{ platforms: ['linux/arm64'] }]);
    const { images, notTaken } = take('nginx:1|mirror.example/nginx:1', undefined);
    expect([images.length, notTaken.length]).toEqual([1, 1]);
  });

  it.each<[string, ListKind]>([
    ['app|1.2.3', undefined],
    ['app|1.2.3', 'charts'],
    ['app', 'charts'],
    ['a|b|c|https://c.example', undefined],
    ['|1|https://c.example', undefined],
    ['app|1.2.3|https://user:secret@c.example', undefined],
    ['app|1.2.3|https://', undefined],
    ['../x|1.2.3|https://c.example', undefined],
    ['app|--version|https://c.example', undefined],
    ['-x.tgz', 'charts'],
    ['https://c.example/app-1.0.0.tgz', undefined],
    ['nginx 1.25', undefined],
    ['nginx:1\u0007', undefined],
  ])('neither: %j in %s', (text, kind) => {
    const { charts, images, problems } = take(text, kind);
    expect([charts, images]).toEqual([[], []]);
    expect(problems).toMatchObject([{ code: 'config', parts: { subject: 'list:1' } }]);
    expect(problems[0]?.message).not.toContain('secret');
  });
});
