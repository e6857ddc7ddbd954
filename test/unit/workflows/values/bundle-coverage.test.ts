import { expect, test } from 'vitest';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import type { Bundle } from '../../../../src/bundle/reading/bundle.ts';
import type { RenderOptions } from '../../../../src/helm/render.ts';
import type { InventoryImage } from '../../../../src/inventory/inventory.ts';
import type { BundledProfile } from '../../../../src/inventory/values-origin.ts';
import { parseTarget } from '../../../../src/naming/naming.ts';
import { compareWithBundle, type UncoveredImages } from '../../../../src/workflows/values/bundle-coverage.ts';

const target = parseTarget('registry.example/m', 'host-path');

interface LocationFields {
  readonly profile?: string;
  readonly how?: InventoryImage['found'][number]['how'];
  readonly hook?: string;
  readonly userMade?: true;
}

function image(reference: string, location: LocationFields = {}, need = 'install'): unknown {
  return { reference, need, found: [{ chart: 'app', profile: 'default', how: 'pod-spec', ...location }] };
}

function compare(
  images: readonly unknown[],
  references: readonly string[],
  {
    profiles = [{ name: 'default' }] as BundledProfile[],
    options = {} as RenderOptions,
    isWhole: isComplete = false,
  } = {},
): { readonly uncovered: UncoveredImages | undefined; readonly warnings: number } {
  const inventory = { charts: [{ name: 'app', version: '1', profiles }], images };
  const events: AirgapEvent[] = [];
  const derived = [{ chart: 'app', version: '1', profile: { name: 'default', options }, references }];
  const source = { inventory: () => inventory } as unknown as Bundle;
  const found = compareWithBundle(source, derived, target, isComplete, (event) => void events.push(event));
  return { uncovered: found.get('app')?.images, warnings: events.filter(({ type }) => type === 'warning').length };
}

test('covers images that are needed by source or target name', () => {
  const images = [image('quay.io/a/app:1'), image('quay.io/a/side:1')];
  const needed = ['quay.io/a/app:1', 'registry.example/m/quay.io/a/side:1'];
  expect(compare(images, needed)).toEqual({ uncovered: undefined, warnings: 0 });
});

test('reports images that only other values need, even if the bundle does not record values', () => {
  const images = [image('quay.io/a/app:1'), image('quay.io/a/side:1')];
  const { uncovered, warnings } = compare(images, ['quay.io/a/app:1']);
  expect(uncovered).toEqual({ references: ['quay.io/a/side:1'], profiles: [{ name: 'default' }], covered: [] });
  expect(warnings).toBe(1);
});

test('assumes all profiles for bundles made from a lock file', () => {
  const { uncovered } = compare([image('quay.io/a/side:1', { profile: '', how: 'added' })], []);
  expect(uncovered?.profiles).toEqual([{ name: 'default' }]);
});

test('counts upgrade renders for their profile', () => {
  const profiles = [{ name: 'default' }, { name: 'prod' }];
  const { uncovered } = compare([image('quay.io/a/job:1', { profile: 'prod (upgrade)' })], [], { profiles });
  expect(uncovered).toMatchObject({ profiles: [{ name: 'prod' }], covered: [{ name: 'default' }] });
});

test('ignores images independent of values, and skipped tests and hooks', () => {
  const images = [
    image('quay.io/a/listed:1', { how: 'declared' }),
    image('quay.io/a/found:1', { how: 'inside-image' }),
    image('quay.io/a/default:1', { how: 'operator-rule', userMade: true }),
    image('quay.io/a/test:1', { hook: 'test' }, 'test'),
  ];
  expect(compare(images, [], { options: { skipTests: true } }).uncovered).toBeUndefined();
  expect(compare(images, [], { options: { noHooks: true } }).uncovered).toBeUndefined();
  expect(compare(images, []).uncovered?.references).toEqual(['quay.io/a/test:1']);
});

test('requires one profile for a chart by name, and all for a whole bundle', () => {
  const profiles = [
    { name: 'default', given: {} },
    { name: 'prod', given: { files: ['prod.yaml'] } },
  ];
  const images = [image('quay.io/a/app:1'), image('quay.io/a/side:1', { profile: 'prod' })];
  expect(compare(images, ['quay.io/a/app:1'], { profiles })).toMatchObject({ uncovered: {}, warnings: 0 });
  expect(compare(images, ['quay.io/a/app:1'], { profiles, isWhole: true }).warnings).toBe(1);
  // The proof covers the images only with the values that were given.
  const [first] = images;
  expect(compare([first], ['quay.io/a/app:1'], { profiles, isWhole: true }).warnings).toBe(1);
});

test('requires values if the bundle was made with values, under any names', () => {
  const profiles = [{ name: 'default', given: { files: ['site.yaml'] } }];
  expect(compare([], [], { profiles }).warnings).toBe(1);
  expect(compare([], [], { profiles, isWhole: true }).warnings).toBe(1);
  expect(compare([], [], { profiles, options: { values: ['/srv/config/other.yaml'] } }).warnings).toBe(0);
});

test('ignores archives of other tools', () => {
  const source = { inventory: () => undefined } as unknown as Bundle;
  expect(compareWithBundle(source, [], target, true, () => {})).toEqual(new Map());
});
