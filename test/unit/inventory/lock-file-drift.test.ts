import { describe, expect, it } from 'vitest';
import type { LockFile, LockFileChart, LockFileImage } from '../../../src/inventory/lock-file.ts';
import { driftOf, hasDrift, type LockFileDrift } from '../../../src/inventory/lock-file-drift.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import fc from '../../support/property.ts';

const one = digestOf(Buffer.from('1'));
const two = digestOf(Buffer.from('2'));

function chart(name: string, version: string, extra: Partial<LockFileChart> = {}): LockFileChart {
  return {
    name,
    version,
    chart: name,
    repo: 'https://c.example',
    digest: one,
    profiles: [{ name: 'default' }],
    ...extra,
  };
}

function image(
  reference: string,
  digest: LockFileImage['digest'] = one,
  extra: Partial<LockFileImage> = {},
): LockFileImage {
  return { reference, digest, need: 'install', confidence: 'certain', charts: ['web'], ...extra };
}

function lockFile(charts: LockFileChart[], images: LockFileImage[] = []): LockFile {
  return { apiVersion: 'airgap/v1', kind: 'LockFile', charts, images, choices: [] };
}

const none: LockFileDrift = {
  charts: { added: [], removed: [], changed: [] },
  images: { added: [], removed: [], moved: [], gone: [] },
};

function charts(locked: LockFileChart[], current: LockFileChart[]): LockFileDrift['charts'] {
  return driftOf(lockFile(locked), lockFile(current)).charts;
}

function images(
  locked: LockFileImage[],
  current: LockFileImage[],
  missing: LockFileImage[] = [],
): LockFileDrift['images'] {
  return driftOf(lockFile([], locked), lockFile([], current), missing).images;
}

describe('drift of charts', () => {
  it('is empty for the same charts in another order', () => {
    const [a, b, c] = [chart('a', '1'), chart('a', '2', { digest: two }), chart('b', '1')];
    expect(charts([a, b, c], [c, b, a])).toEqual(none.charts);
  });

  it('lists added and removed charts with their parents', () => {
    expect(charts([chart('a', '1')], [chart('b', '2', { parent: 'p' })])).toEqual({
      added: [{ name: 'b', version: '2', parent: 'p' }],
      removed: [{ name: 'a', version: '1' }],
      changed: [],
    });
  });

  it('reports a new version without its digest', () => {
    expect(charts([chart('a', '1')], [chart('a', '2', { digest: two })]).changed).toEqual([
      { name: 'a', version: '1', what: 'version', from: '1', to: '2' },
    ]);
  });

  it('reports a chart republished under the same version', () => {
    expect(charts([chart('a', '1')], [chart('a', '1', { digest: two })]).changed).toEqual([
      { name: 'a', version: '1', what: 'digest', from: one, to: two },
    ]);
  });

  it('reports another source and other profiles', () => {
    const current = chart('a', '1', {
      chart: 'oci://r.example/a',
      repo: undefined,
      profiles: [{ name: 'x', kubeVersion: '1.33' }],
    });
    expect(charts([chart('a', '1')], [current]).changed).toEqual([
      { name: 'a', version: '1', what: 'place', from: 'a in https://c.example', to: 'oci://r.example/a' },
      { name: 'a', version: '1', what: 'profiles', from: 'default', to: 'x (Kubernetes 1.33)' },
    ]);
  });

  it('keeps unchanged versions when one of several changes', () => {
    const drift = charts([chart('a', '1'), chart('a', '2')], [chart('a', '3'), chart('a', '1')]);
    expect(drift).toEqual({
      added: [],
      removed: [],
      changed: [{ name: 'a', version: '2', what: 'version', from: '2', to: '3' }],
    });
  });

  it('is empty where a digest is unknown', () => {
    expect(charts([chart('a', '1', { digest: '' })], [chart('a', '1')])).toEqual(none.charts);
  });
});

describe('drift of images', () => {
  it('lists added and removed images', () => {
    expect(images([image('r.example/a:1')], [image('r.example/a:2')])).toEqual({
      ...none.images,
      added: [{ reference: 'r.example/a:2', charts: ['web'] }],
      removed: [{ reference: 'r.example/a:1', charts: ['web'] }],
    });
  });

  it('reports a moved tag once both digests are known', () => {
    const name = 'r.example/a:1';
    expect(images([image(name)], [image(name, two)]).moved).toEqual([{ reference: name, from: one, to: two }]);
    expect(images([image(name)], [image(name, '')])).toEqual(none.images);
    expect(images([image(name, '')], [image(name)])).toEqual(none.images);
  });

  it('ignores need, confidence and charts of an image', () => {
    const current = image('r.example/a:1', one, { need: 'test', confidence: 'likely', charts: [] });
    expect(images([image('r.example/a:1')], [current])).toEqual(none.images);
  });

  it('reports an image missing at its registry as gone, not as removed', () => {
    const lost = image('r.example/a:1');
    expect(images([lost], [], [lost])).toEqual({
      ...none.images,
      gone: [{ reference: lost.reference, charts: ['web'] }],
    });
  });

  it('lists what registries do not have, unless that was accepted', () => {
    const missing = image('r.example/a:1', '', { confidence: 'likely', state: 'missing' });
    const accepted = { ...missing, allowed: {} };
    const bundled = image('r.example/a:1', one, { confidence: 'likely' });
    expect(images([], [], [image('r.example/a:1', '')]).gone, 'a certain image').toHaveLength(1);
    expect(images([missing], [missing]).gone, 'known to the file').toHaveLength(1);
    expect(images([accepted], [accepted])).toEqual(none.images);
    expect(images([accepted], [image('r.example/a:1', '', { confidence: 'likely' })]), 'without registries').toEqual(
      none.images,
    );
    expect(images([missing], [bundled]), 'it exists by now').toMatchObject({ gone: [], added: [{}] });
  });
});

describe('any drift', () => {
  const name = fc.constantFrom('a', 'b', 'c');
  const entry = fc.record({ name, version: fc.constantFrom('1', '2'), digest: fc.constantFrom(one, two) });
  const file = fc.tuple(fc.array(entry, { maxLength: 5 }), fc.uniqueArray(name)).map(([some, names]) =>
    lockFile(
      some.map(({ name, version, digest }) => chart(name, version, { digest })),
      names.map((tag) => image(`r.example/x:${tag}`)),
    ),
  );

  it('accounts for every chart of both sides once', () => {
    fc.assert(
      fc.property(file, file, (locked, current) => {
        const { added, removed } = driftOf(locked, current).charts;
        expect(locked.charts.length - removed.length).toBe(current.charts.length - added.length);
      }),
    );
  });

  it('is empty between a file and itself', () => {
    fc.assert(fc.property(file, (some) => void expect(driftOf(some, some)).toEqual(none)));
  });

  it('is detected in every list', () => {
    expect(hasDrift(none)).toBe(false);
    expect(hasDrift({ ...none, charts: { ...none.charts, removed: [{ name: 'a', version: '1' }] } })).toBe(true);
    expect(hasDrift({ ...none, images: { ...none.images, gone: [{ reference: 'a', charts: [] }] } })).toBe(true);
  });
});
