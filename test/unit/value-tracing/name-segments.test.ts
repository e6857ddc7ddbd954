import { describe, expect, it } from 'vitest';
import { buildOverlay, leavesOf } from '../../../src/value-tracing/leaves.ts';
import { markLeaves, readRuns } from '../../../src/value-tracing/markers.ts';
import { emptySegment, fillLeaf, segmentsOf } from '../../../src/value-tracing/name-segments.ts';

const leaf = (value: string, ...path: string[]) => ({ path, value });
const names = (value: string, written: string[], ...path: string[]): string[] =>
  segmentsOf(leaf(value, ...path), written).map(({ components }) => components.join('/'));

describe('name segments', () => {
  it('are the name without tag and digest', () => {
    expect(names('quay.io:443/a/b:1@sha256:0', ['quay.io:443/a/b:1@sha256:0'], 'image')).toEqual(['quay.io:443/a/b']);
    expect(names('docker://quay.io/a/b', ['quay.io/a/b'], 'image')).toEqual(['quay.io/a/b']);
  });

  it('have no scheme, whether the value or only the template has one', () => {
    const written = ['oci+native://quay.io/a/b:1'];
    expect(names('oci+native://quay.io/a/b:1', written, 'model')).toEqual(['quay.io/a/b']);
    expect(names('quay.io/a/b', written, 'model')).toEqual(['quay.io/a/b']);
    expect(names('x: oci+native://quay.io/a/b:1\ny: 1\n', written, 'text')).toEqual(['quay.io/a/b']);
  });

  it('are all references in a text with several lines', () => {
    const text = 'a=quay.io/a/a:1\nb=quay.io/a/ab:1\n';
    expect(names(text, ['quay.io/a/ab:1', 'quay.io/a/a:1'], 'text')).toEqual(['quay.io/a/a', 'quay.io/a/ab']);
  });

  it('are single words only if the key names an image, and only parts of references', () => {
    expect(names('nginx', ['nginx:1'], 'image', 'name')).toEqual(['nginx']);
    expect(names('nginx', ['nginx:1'], 'ingressClass')).toEqual([]);
    expect(names('acme/other', ['acme/app:1'], 'image', 'repository')).toEqual([]);
  });

  it('are replaced in place, with tag and surrounding text kept', () => {
    const text = leaf('a=quay.io/a/a:1\nb=quay.io/a/b:1\n', 'text');
    const [first, second] = segmentsOf(text, ['quay.io/a/a:1', 'quay.io/a/b:1']);
    if (first === undefined || second === undefined) throw new Error('two slots');
    expect(
      fillLeaf(text, [
        { segment: first, text: 'x/a' },
        { segment: second, text: 'y/b' },
      ]),
    ).toBe('a=x/a:1\nb=y/b:1\n');
  });
});

describe('markers', () => {
  it('keep the shape of the name, and are recognized', () => {
    const segments = segmentsOf(leaf('quay.io:443/a/b:1', 'image'), ['quay.io:443/a/b:1']);
    const [{ value = '' } = {}] = markLeaves(segments);
    expect(value).toMatch(/^[a-z0-9]+\.invalid:443\/[a-z0-9]+\/[a-z0-9]+:1$/);
    expect(readRuns(value, segments).map((run) => (run.segment ? run.text : run.literal))).toEqual([
      'quay.io:443',
      '/',
      'a',
      '/',
      'b',
      ':1',
    ]);
  });

  it('look like a host, a repository or a complete image in an empty leaf, depending on its key', () => {
    const value = (...path: string[]): string => markLeaves([emptySegment(leaf('', ...path))])[0]?.value ?? '';
    expect(value('image', 'registry')).toMatch(/^\w+\.invalid$/);
    expect(value('image', 'repository')).toMatch(/^\w+\.invalid\/\w+$/);
    expect(value('image')).toMatch(/^\w+\.invalid\/\w+:v1\.0\.0$/);
  });
});

describe('overlays', () => {
  it('contain a complete list, and nothing else', () => {
    const base = { list: [{ image: 'a', keep: 1 }, { image: 'b' }], other: 1 };
    const settings = [{ path: ['list', 1, 'image'], value: 'x' }];
    expect(buildOverlay(base, settings)).toEqual({ list: [{ image: 'a', keep: 1 }, { image: 'x' }] });
    expect(base.list[1]).toEqual({ image: 'b' });
  });

  it('contain keys such as __proto__ as ordinary keys, and change nothing else', () => {
    const base = JSON.parse('{"__proto__": {"image": "quay.io/a"}, "constructor": {"image": "quay.io/b"}}');
    const paths = [
      ['__proto__', 'image'],
      ['constructor', 'image'],
    ];
    const values = buildOverlay(
      base,
      paths.map((path) => ({ path, value: 'x' })),
    );
    expect(JSON.stringify(values)).toBe('{"__proto__":{"image":"x"},"constructor":{"image":"x"}}');
    expect(({} as { image?: string }).image).toBeUndefined();
    expect((Object as { image?: string }).image).toBeUndefined();
  });

  it('omit globals that Helm copies into subcharts', () => {
    const values = { global: { hub: 'h' }, sub: { global: { hub: 'h', own: 'o' } } };
    expect(leavesOf(values).map(({ path }) => path.join('.'))).toEqual(['global.hub', 'sub.global.own']);
  });
});
