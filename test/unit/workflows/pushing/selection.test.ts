import { describe, expect, it } from 'vitest';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import type { Bundle } from '../../../../src/bundle/read.ts';
import { formatReference, parseReference } from '../../../../src/oci/reference.ts';
import { selectRoots } from '../../../../src/workflows/pushing/selection.ts';

/** A bundle as far as choosing looks at it: a chart, one that it brings along, and one that has nothing to do with them. */
function bundle(locked = true): Bundle {
  const charts = ['outer', 'inner', 'other'].map((name) => ({
    name,
    version: '1.0.0',
    reference: parseReference(`charts.example/${name}:1.0.0`),
    descriptor: { digest: `sha256:${name}` },
  }));
  const found: Record<string, object[]> = {
    'quay.io/outer:1': [{ chart: 'outer' }],
    'quay.io/inner:1': [{ chart: 'inner', via: ['outer'] }],
    'quay.io/other:1': [{ chart: 'other' }],
    'quay.io/both:1': [{ chart: 'other' }, { chart: 'inner', via: ['outer'] }],
  };
  return {
    path: 'b.tar',
    images: () => Object.keys(found).map((name) => ({ reference: parseReference(name) })),
    charts: () => charts,
    inventory: () =>
      locked
        ? {
            charts: charts.map(({ name, version, descriptor }) => ({
              name,
              version,
              ...descriptor,
              ...(name === 'inner' ? { parent: 'outer' } : {}),
            })),
            images: Object.entries(found).map(([reference, places]) => ({ reference, found: places })),
          }
        : undefined,
  } as unknown as Bundle;
}

function choose(choice: { charts?: string[]; images?: string[]; exclude?: string[] }, from = bundle()): string[] {
  const [roots = []] = selectRoots([from], { charts: [], images: [], exclude: [], ...choice });
  return roots.map(({ reference }) => formatReference(reference).replace(/^[^/]*\//, ''));
}

const charts = ['outer:1.0.0', 'inner:1.0.0', 'other:1.0.0'];

describe('a selection of a bundle', () => {
  it('is everything by default', () => {
    expect(choose({})).toEqual(['outer:1', 'inner:1', 'other:1', 'both:1', ...charts]);
    expect(choose({}, bundle(false))).toHaveLength(7);
  });

  it('of a chart includes its nested charts and all their images', () => {
    expect(choose({ charts: ['outer'] })).toEqual(['outer:1', 'inner:1', 'both:1', 'outer:1.0.0', 'inner:1.0.0']);
    expect(choose({ charts: ['other@1.0.0'] })).toEqual(['other:1', 'both:1', 'other:1.0.0']);
  });

  it('that excludes everything is an error', () => {
    expect(() => choose({ images: ['quay.io/o*'], exclude: ['*'] })).toThrow(
      expect.objectContaining({ code: 'image-not-found', message: expect.stringContaining('--exclude') }),
    );
    expect(choose({ exclude: ['*'] })).toEqual(charts);
  });

  it('by image patterns includes no charts', () => {
    expect(choose({ images: ['quay.io/o*'] })).toEqual(['outer:1', 'other:1']);
  });

  it('combines charts and images, without excluded ones', () => {
    expect(choose({ charts: ['other'], images: ['quay.io/inner'], exclude: ['*both*'] })).toEqual([
      'inner:1',
      'other:1',
      'other:1.0.0',
    ]);
    expect(choose({ exclude: ['quay.io/*'] })).toEqual(charts);
  });

  it.each([
    [{ charts: ['none'] }, 'chart-not-found'],
    [{ charts: ['other@2.0.0'] }, 'chart-not-found'],
    [{ images: ['quay.io/none'] }, 'image-not-found'],
  ])('that matches nothing is an error: %j', (choice, code) => {
    expect(() => choose(choice)).toThrow(expect.objectContaining({ code }));
  });

  it('with an unmatched exclude pattern emits a warning', () => {
    const events: AirgapEvent[] = [];
    selectRoots([bundle()], { charts: [], images: [], exclude: ['x/y'] }, (event) => events.push(event));
    expect(events).toMatchObject([{ type: 'warning', message: expect.stringContaining('--exclude x/y') }]);
  });

  it('by chart needs an inventory', () => {
    expect(() => choose({ charts: ['outer'] }, bundle(false))).toThrow(
      expect.objectContaining({ code: 'unsupported' }),
    );
  });
});
