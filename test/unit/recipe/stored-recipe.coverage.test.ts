import { describe, expect, it } from 'vitest';
import type { StoredRecipe } from '../../../src/inventory/recipe.ts';
import { DEFAULT_NAMING, parseTarget } from '../../../src/naming/naming.ts';
import { valueCoverage } from '../../../src/recipe/stored-recipe.ts';
import { placeOf, recipeOf } from '../../support/recipes.ts';

const target = parseTarget('r.example/m', DEFAULT_NAMING);
const paths = (places: readonly StoredRecipe['places'][number][]): string[] => places.map(({ path }) => path);

describe('the coverage of a stored recipe', () => {
  it('has each location that needs a private name, and those that no value redirects', () => {
    const recipe = recipeOf([placeOf('by-value', true), placeOf('fixed', false)]);
    const coverage = valueCoverage(recipe, target);
    expect(paths(coverage?.movable ?? [])).toEqual(['by-value', 'fixed']);
    expect(paths(coverage?.unmapped ?? [])).toEqual(['fixed']);
  });

  it('leaves out what is private already, and what is no reference', () => {
    const written = ['r.example/m/quay.io/acme/web:1', 'no reference at all'];
    const recipe = recipeOf(written.map((text) => ({ ...placeOf('other', false), written: text })));
    expect(valueCoverage(recipe, target)).toEqual({ movable: [], unmapped: [] });
  });

  it('of a damaged recipe is unknown', () => {
    const recipe = recipeOf([placeOf('by-value', true)]);
    expect(valueCoverage({ ...recipe, slots: [] }, target)).toBeUndefined();
    const later = [[{ slot: 7, from: 0, to: 1, text: 'x' }]];
    expect(valueCoverage(recipeOf([{ ...placeOf('by-value', true), later }]), target)).toBeUndefined();
  });
});
