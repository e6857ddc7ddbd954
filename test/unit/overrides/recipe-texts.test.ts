import { describe, expect, it } from 'vitest';
import { leavesOf } from '../../../src/influence/leaves.ts';
import { type Slot, slotsOf } from '../../../src/influence/slots.ts';
import type { Place } from '../../../src/lock/finding.ts';
import { type StoredRecipe, wholeTexts, withoutTexts } from '../../../src/lock/recipe.ts';
import { DEFAULT_NAMING, parseTarget } from '../../../src/oci/naming.ts';
import { settingsOf } from '../../../src/overrides/document.ts';
import { fill } from '../../../src/overrides/settle.ts';
import { restore, store } from '../../../src/overrides/stored-recipe.ts';

const IMAGE = 'quay.io/acme/agent:1.0';
const config = (password: string): string => `password: ${password}\nimage: ${IMAGE}\n`;
const target = parseTarget('r.example/m', DEFAULT_NAMING);
const place = {
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
} as unknown as Place;

/** Recipe of a ConfigMap whose text, including a password, comes from one value. */
function stored(text: string): StoredRecipe {
  const [leaf] = leavesOf({ config: text });
  const [slot] = slotsOf(leaf as NonNullable<typeof leaf>, [IMAGE]) as [Slot];
  const part = { kind: 'segment', slot, from: 0, to: slot.components.length - 1, text: 'quay.io/acme/agent' } as const;
  const parts = [[[part, { kind: 'literal', text: ':1.0' } as const]]];
  return store({ places: [place], first: parts, later: parts, refused: [], switches: [] }, false);
}

describe('a stored recipe', () => {
  it('contains the name in a value, without the surrounding text', () => {
    const recipe = stored(config('hunter2'));
    expect(JSON.stringify(recipe)).not.toMatch(/hunter2|password/);
    expect(recipe.slots[0]?.value).toBe('quay.io/acme/agent');
    expect(wholeTexts(recipe)).toEqual([]);
  });

  it('is restored with the text of the current values', () => {
    const recipe = restore(stored(config('hunter2')), { config: config('2hunter') }, [place], target);
    const derivation = fill(recipe as NonNullable<typeof recipe>, target);
    expect(derivation.unsolved).toEqual([]);
    expect(settingsOf(derivation, { switches: [] })).toMatchObject([
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
    expect(restore(stored(config('hunter2')), { config: value }, [place], target)).toBeUndefined();
  });

  it('of an older version is readable, and its value texts are reported and removed', () => {
    const recipe = stored(config('hunter2'));
    const older = { ...recipe, slots: recipe.slots.map((slot) => ({ ...slot, value: config('hunter2') })) };
    expect(wholeTexts(older)).toEqual([['config']]);
    expect(withoutTexts(older)).toEqual(recipe);
    expect(restore(older, { config: config('hunter2') }, [place], target)).toBeDefined();
  });

  it('of an older version whose value is a reference contains no secret', () => {
    const recipe = stored(IMAGE);
    const older = { ...recipe, slots: recipe.slots.map((slot) => ({ ...slot, value: IMAGE })) };
    expect(wholeTexts(older)).toEqual([]);
  });
});
