import { describe, expect, it } from 'vitest';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import type { Bundle } from '../../../../src/bundle/reading/bundle.ts';
import { formatReference, parseReference } from '../../../../src/oci/reference.ts';
import { selectRoots } from '../../../../src/workflows/push/selection.ts';

/** Returns a bundle with the fields that a selection reads: a chart, its nested chart, and an unrelated chart. */
function bundle(hasInventory = true): Bundle {
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
      hasInventory
        ? {
            charts: charts.map(({ name, version, descriptor }) => ({
              name,
              version,
              ...descriptor,
              ...(name === 'inner' ? { parent: 'outer' } : {}),
            })),
            images: Object.entries(found).map(([reference, locations]) => ({ reference, found: locations })),
          }
        : undefined,
  } as unknown as Bundle;
}

function select(selection: { charts?: string[]; images?: string[]; exclude?: string[] }, from = bundle()): string[] {
  const [roots = []] = selectRoots([from], { charts: [], images: [], exclude: [], ...selection });
  return roots.map(({ reference }) => formatReference(reference).replace(/^[^/]*\//, ''));
}

const charts = ['outer:1.0.0', 'inner:1.0.0', 'other:1.0.0'];

describe('a selection of a bundle', () => {
  it('is everything by default', () => {
    expect(select({})).toEqual(['outer:1', 'inner:1', 'other:1', 'both:1', ...charts]);
    expect(select({}, bundle(false))).toHaveLength(7);
  });

  it('of a chart includes its nested charts and all their images', () => {
    expect(select({ charts: ['outer'] })).toEqual(['outer:1', 'inner:1', 'both:1', 'outer:1.0.0', 'inner:1.0.0']);
    expect(select({ charts: ['other@1.0.0'] })).toEqual(['other:1', 'both:1', 'other:1.0.0']);
  });

  it('that excludes everything is an error', () => {
    expect(() => select({ images: ['quay.io/o*'], exclude: ['*'] })).toThrow(
      expect.objectContaining({ code: 'image-not-found', message: expect.stringContaining('--exclude') }),
    );
    expect(select({ exclude: ['*'] })).toEqual(charts);
  });

  it('by image patterns includes no charts', () => {
    expect(select({ images: ['quay.io/o*'] })).toEqual(['outer:1', 'other:1']);
  });

  it('combines charts and images, without excluded ones', () => {
    expect(select({ charts: ['other'], images: ['quay.io/inner'], exclude: ['*both*'] })).toEqual([
      'inner:1',
      'other:1',
      'other:1.0.0',
    ]);
    expect(select({ exclude: ['quay.io/*'] })).toEqual(charts);
  });

  it.each([
    [{ charts: ['none'] }, 'chart-not-found'],
    [{ charts: ['other@2.0.0'] }, 'chart-not-found'],
    [{ images: ['quay.io/none'] }, 'image-not-found'],
  ])('that matches nothing is an error: %j', (selection, code) => {
    expect(() => select(selection)).toThrow(expect.objectContaining({ code }));
  });

  it('with an unmatched exclude pattern emits a warning', () => {
    const events: AirgapEvent[] = [];
    selectRoots([bundle()], { charts: [], images: [], exclude: ['x/y'] }, (event) => events.push(event));
    expect(events).toMatchObject([{ type: 'warning', message: expect.stringContaining('--exclude x/y') }]);
  });

  it('by chart needs an inventory', () => {
    expect(() => select({ charts: ['outer'] }, bundle(false))).toThrow(
      expect.objectContaining({ code: 'unsupported' }),
    );
  });
});
