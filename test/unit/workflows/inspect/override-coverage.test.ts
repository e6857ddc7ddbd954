import { describe, expect, it } from 'vitest';
import type { Inventory } from '../../../../src/inventory/inventory.ts';
import type { StoredRecipe } from '../../../../src/inventory/recipe.ts';
import { overrideCoverage } from '../../../../src/workflows/inspect/override-coverage.ts';
import { chart, graphOf, inventoryOf } from '../../../support/bundles.ts';
import { MemoryRegistry, noise } from '../../../support/memory-registry.ts';
import { placeOf, recipeOf } from '../../../support/recipes.ts';

type Profiles = Inventory['charts'][number]['profiles'];

/** Returns an inventory whose only chart has these versions. */
async function inventory(versions: Readonly<Record<string, Profiles>>): Promise<Inventory> {
  const source = new MemoryRegistry();
  source.addImage('quay.io/acme/web', '1', [noise('web', 100)]);
  const base = inventoryOf(await graphOf(source, ['quay.io/acme/web:1']), [chart]);
  const [one] = base.charts;
  const charts = Object.entries(versions).map(([version, profiles]) => ({
    ...(one as NonNullable<typeof one>),
    ...{ name: 'app', version, profiles },
  }));
  return { ...base, charts };
}

const profile = (name: string, ...recipes: StoredRecipe[]): Profiles[number] => ({ name, recipes });
const location = (path: string, redirect?: object) =>
  ({
    ...placeOf(path, true),
    chart: 'app',
    profile: 'default',
    ...(redirect && { redirect }),
  }) as unknown as Parameters<ReturnType<typeof overrideCoverage>['wayOf']>[0];

describe('the coverage of overrides', () => {
  it('counts the locations of a profile once, in installs and upgrades, with what is refused', async () => {
    const install = recipeOf([placeOf('a', true), placeOf('b', false)], ['image.tag']);
    const upgrade = { ...recipeOf([placeOf('a', true), placeOf('c', true)], ['image.tag']), upgrade: true };
    const { profiles, unsearched, wayOf } = overrideCoverage(
      await inventory({ '1.0.0': [profile('default', install, upgrade)] }),
    );
    expect(profiles).toMatchObject([
      { ...{ chart: 'app', version: '1.0.0', profile: 'default', locations: 3 }, refused: ['image.tag'] },
    ]);
    expect(profiles[0]?.unmapped.map(({ path }) => path)).toEqual(['b']);
    expect(unsearched).toBe(0);
    expect(['a', 'b', 'c', 'd'].map((path) => wayOf(location(path)))).toEqual(['values', 'none', 'values', 'unknown']);
  });

  it('is unknown for a profile without recipes, and with a damaged one', async () => {
    const damaged = { ...recipeOf([placeOf('a', true)]), slots: [] };
    const { profiles, unsearched, wayOf } = overrideCoverage(
      await inventory({ '1.0.0': [profile('default'), profile('prod', recipeOf([placeOf('a', true)]), damaged)] }),
    );
    expect([profiles, unsearched]).toEqual([[], 2]);
    expect(wayOf(location('a'))).toBe('unknown');
  });

  it.each([
    ['1.0.0', '2.0.0'],
    ['2.0.0', '1.0.0'],
  ])('of a location in two versions is that of the one that needs more: %s, %s', async (...versions) => {
    const [first, second] = versions.map((version): [string, Profiles] => [
      version,
      [profile('default', recipeOf([placeOf('a', version === '1.0.0')]))],
    ]) as [[string, Profiles], [string, Profiles]];
    const { wayOf } = overrideCoverage(await inventory(Object.fromEntries([first, second])));
    expect(wayOf(location('a'))).toBe('none');
  });

  it('knows settings of operators, and that there is none', async () => {
    const { wayOf } = overrideCoverage(
      await inventory({ '1.0.0': [profile('default', recipeOf([placeOf('a', false)]))] }),
    );
    expect(wayOf(location('a', { kind: 'env' }))).toBe('operator');
    expect(wayOf(location('b', { kind: 'none' }))).toBe('none');
  });
});
