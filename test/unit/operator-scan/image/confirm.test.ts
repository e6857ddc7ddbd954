import { describe, expect, test } from 'vitest';
import type { Candidate, ComponentList, Guess } from '../../../../src/operator-scan/image/candidate.ts';
import {
  type ConfirmedFindings,
  type ConfirmInRegistryOptions,
  confirmInRegistry,
  type Existence,
} from '../../../../src/operator-scan/image/confirm.ts';
import type { ImageFindings } from '../../../../src/operator-scan/image/scan-image.ts';

const location = { file: 'manager', layer: 'sha256:0' };

function findings(found: Partial<ImageFindings>): ImageFindings {
  return {
    candidates: [],
    guesses: [],
    componentLists: [],
    skipped: [],
    olderNameCount: 0,
    programBytes: 0,
    textBytes: 0,
    ...found,
  };
}

function guess(possible: readonly string[], isPaired = false): Guess {
  return { ...location, kind: 'recombined', evidence: 'a name', possibleReferences: possible, isPaired };
}

async function confirmWith(
  found: Partial<ImageFindings>,
  existing: readonly string[],
  limit = 150,
  rest: Existence = 'missing',
) {
  const checked: string[] = [];
  const confirmed: ConfirmedFindings = await confirmInRegistry(findings(found), {
    concurrency: 1,
    limit,
    checkExistence: async (reference) => {
      checked.push(reference);
      return existing.includes(reference) ? 'there' : rest;
    },
  });
  const names = confirmed.candidates.map(({ reference, confidence }) => `${confidence} ${reference}`);
  return { checked, names, unresolved: confirmed.unresolved };
}

describe('confirm: guesses and component lists', () => {
  test('takes the first version that exists and checks no further ones', async () => {
    const { checked, names } = await confirmWith({ guesses: [guess(['a/b:3', 'a/b:2', 'a/b:1'])] }, ['a/b:2', 'a/b:1']);
    expect(names).toEqual(['medium a/b:2']);
    expect(checked).toEqual(['a/b:3', 'a/b:2']);
  });

  test('keeps the setting next to the name', async () => {
    const guesses: Guess[] = [{ ...guess(['a/b:3']), setting: 'B_IMAGE' }, guess(['c/d:1'])];
    const options: ConfirmInRegistryOptions = { concurrency: 1, checkExistence: async () => 'there' };
    const { candidates } = await confirmInRegistry(findings({ guesses }), options);
    expect(candidates.map(({ setting }) => setting)).toEqual(['B_IMAGE', undefined]);
  });

  test('leaves a name unresolved when no version exists', async () => {
    expect(await confirmWith({ guesses: [guess(['a/b:3'])] }, [])).toMatchObject({
      names: [],
      unresolved: [{ possibleReferences: ['a/b:3'] }],
    });
  });

  test('keeps paired versions when the registry gives no answer, and leaves other names unresolved', async () => {
    const found = { guesses: [guess(['a/b:3', 'a/b:2']), guess(['c/d:1', 'c/d:0'], true)] };
    const { names, unresolved } = await confirmWith(found, [], 150, 'unknown');
    expect(names).toEqual(['medium c/d:1']);
    expect(unresolved).toHaveLength(1);
  });

  test('takes the first prefix that has a component, and the components that exist there', async () => {
    const componentList: ComponentList = {
      ...location,
      kind: 'recombined',
      evidence: 'a list',
      prefixes: ['x/', 'y/'],
      components: ['a:1', 'b:1', 'c:1', 'd:1'],
    };
    const { checked, names } = await confirmWith({ componentLists: [componentList] }, ['y/b:1', 'y/d:1']);
    expect(names).toEqual(['medium y/b:1', 'medium y/d:1']);
    expect(checked).toEqual(['x/a:1', 'x/b:1', 'x/c:1', 'y/a:1', 'y/b:1', 'y/c:1', 'y/d:1']);
  });

  test('sends no more requests than the limit', async () => {
    const many = Array.from({ length: 30 }, (_, i) => guess([`a/b${i}:1`, `a/b${i}:0`]));
    const { checked, unresolved } = await confirmWith({ guesses: many }, [], 10);
    expect(checked).toHaveLength(10);
    expect(unresolved).toHaveLength(30);
  });
});

describe('confirm: complete names', () => {
  const constant = { ...location, written: 'a/b:1', kind: 'constant' as const, evidence: 'x' };

  test('drops a name that does not exist and keeps it without an answer', async () => {
    const candidates = [{ ...constant, reference: 'a/b:1', confidence: 'high' as const }];
    expect((await confirmWith({ candidates }, [])).names).toEqual([]);
    expect((await confirmWith({ candidates }, [], 150, 'unknown')).names).toEqual(['high a/b:1']);
  });

  test('keeps each reference once, with its highest confidence', async () => {
    const candidates = (['low', 'high', 'medium'] as const).map(
      (confidence): Candidate => ({
        ...constant,
        reference: 'a/b:1',
        confidence,
      }),
    );
    expect((await confirmWith({ candidates }, ['a/b:1'])).names).toEqual(['high a/b:1']);
  });
});
