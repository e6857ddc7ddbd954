import { describe, expect, it } from 'vitest';
import type { Location } from '../../../src/inventory/finding.ts';
import { legacyTextPaths, type StoredRecipe, withoutLegacyTexts } from '../../../src/inventory/recipe.ts';
import { DEFAULT_NAMING, parseTarget } from '../../../src/naming/naming.ts';
import { settingsOf } from '../../../src/overrides/settings/setting.ts';
import { solveRecipe } from '../../../src/recipe/solve-recipe.ts';
import { restoreRecipe, toStoredRecipe } from '../../../src/recipe/stored-recipe.ts';
import { leavesOf } from '../../../src/value-tracing/leaves.ts';
import { type NameSegment, segmentsOf } from '../../../src/value-tracing/name-segments.ts';

const IMAGE = 'quay.io/acme/agent:1.0';
const config = (password: string): string => `password: ${password}\nimage: ${IMAGE}\n`;
const target = parseTarget('r.example/m', DEFAULT_NAMING);
const location = {
  chart: 'app',
  profile: 'default',
  template: 'app/templates/config.yaml',
  document: 0,
  kind: 'ConfigMap',
  name: 'app',
  path: 'data.config',
  within: 'image',
  how: 'config',
  written: IMAGE,
  reference: IMAGE,
  need: 'install',
  confidence: 'likely',
} as unknown as Location;

/** Recipe of a ConfigMap whose text, including a password, comes from one value. */
function stored(text: string): StoredRecipe {
  const [leaf] = leavesOf({ config: text });
  const [segment] = segmentsOf(leaf as NonNullable<typeof leaf>, [IMAGE]) as [NameSegment];
  const part = {
    kind: 'segment',
    segment,
    from: 0,
    to: segment.components.length - 1,
    text: 'quay.io/acme/agent',
  } as const;
  const parts = [[[part, { kind: 'literal', text: ':1.0' } as const]]];
  return toStoredRecipe({ locations: [location], first: parts, later: parts, refused: [], switches: [] }, false);
}

describe('a stored recipe', () => {
  it('contains the name in a value, without the surrounding text', () => {
    const recipe = stored(config('hunter2'));
    expect(JSON.stringify(recipe)).not.toMatch(/hunter2|password/);
    expect(recipe.slots[0]?.value).toBe('quay.io/acme/agent');
    expect(legacyTextPaths(recipe)).toEqual([]);
  });

  it('is restored with the text of the current values', () => {
    const recipe = restoreRecipe(stored(config('hunter2')), { config: config('2hunter') }, [location], target);
    const solution = solveRecipe(recipe as NonNullable<typeof recipe>, target);
    expect(solution.unsolved).toEqual([]);
    expect(settingsOf(solution, { switches: [] })).toMatchObject([
      { path: ['config'], value: config('2hunter').replace('quay.io', 'r.example/m/quay.io') },
    ]);
  });

  it.each([
    ['the name is elsewhere in the text', `${config('much-longer')}`],
    ['the name goes on', config('hunter2').replace('agent:', 'agent/x:')],
    ['another name is there', config('hunter2').replace('agent', 'other')],
    ['there is no text', undefined],
    ['it is a list', ['hunter2']],
  ])('is not used where %s', (_, value) => {
    expect(restoreRecipe(stored(config('hunter2')), { config: value }, [location], target)).toBeUndefined();
  });

  it('of an older version is readable, and its value texts are reported and removed', () => {
    const recipe = stored(config('hunter2'));
    const legacy = { ...recipe, slots: recipe.slots.map((segment) => ({ ...segment, value: config('hunter2') })) };
    expect(legacyTextPaths(legacy)).toEqual([['config']]);
    expect(withoutLegacyTexts(legacy)).toEqual(recipe);
    expect(restoreRecipe(legacy, { config: config('hunter2') }, [location], target)).toBeDefined();
  });

  it('of an older version whose value is a reference contains no secret', () => {
    const recipe = stored(IMAGE);
    const legacy = { ...recipe, slots: recipe.slots.map((segment) => ({ ...segment, value: IMAGE })) };
    expect(legacyTextPaths(legacy)).toEqual([]);
  });
});
