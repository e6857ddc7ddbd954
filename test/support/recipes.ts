import type { StoredRecipe } from '../../src/inventory/recipe.ts';

/** Recipes as bundles store them, for `quay.io/acme/web:1`. */

type Place = StoredRecipe['places'][number];

/** Returns a location whose reference the value `image` builds, or that no value builds. */
export function placeOf(path: string, isByValue: boolean): Place {
  const part = { slot: 0, from: 0, to: 2, text: 'quay.io/acme/web' };
  return {
    ...{ template: 'app/templates/web.yaml', document: 0, path, written: 'quay.io/acme/web:1' },
    first: isByValue ? [[part, ':1']] : [],
  };
}

export function recipeOf(places: readonly Place[], refused: readonly string[] = []): StoredRecipe {
  const components = ['quay.io', 'acme', 'web'];
  const slot = {
    path: ['image'],
    value: components.join('/'),
    start: 0,
    end: 16,
    components,
    hostFirst: true,
    suffix: '',
  };
  return { upgrade: false, slots: [slot], places: [...places], switches: [], refused: [...refused] };
}
