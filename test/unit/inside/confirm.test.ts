import { describe, expect, test } from 'vitest';
import type { Candidate, Family, Guess } from '../../../src/inside/candidate.ts';
import { type Answer, type Confirmed, type ConfirmOptions, confirm } from '../../../src/inside/confirm.ts';
import type { ImageFindings } from '../../../src/inside/image.ts';

const place = { file: 'manager', layer: 'sha256:0' };

function findings(found: Partial<ImageFindings>): ImageFindings {
  return { candidates: [], guesses: [], families: [], givenUp: [], older: 0, programBytes: 0, textBytes: 0, ...found };
}

function guess(possible: readonly string[], isPaired = false): Guess {
  return { ...place, kind: 'recombined', evidence: 'a name', possible, isPaired };
}

async function ask(found: Partial<ImageFindings>, there: readonly string[], limit = 150, rest: Answer = 'missing') {
  const asked: string[] = [];
  const confirmed: Confirmed = await confirm(findings(found), {
    concurrency: 1,
    limit,
    ask: async (reference) => {
      asked.push(reference);
      return there.includes(reference) ? 'there' : rest;
    },
  });
  const names = confirmed.candidates.map(({ reference, confidence }) => `${confidence} ${reference}`);
  return { asked, names, open: confirmed.open };
}

describe('confirm: guesses and component lists', () => {
  test('takes the first version that exists and checks no further ones', async () => {
    const { asked, names } = await ask({ guesses: [guess(['a/b:3', 'a/b:2', 'a/b:1'])] }, ['a/b:2', 'a/b:1']);
    expect(names).toEqual(['medium a/b:2']);
    expect(asked).toEqual(['a/b:3', 'a/b:2']);
  });

  test('keeps the setting next to the name', async () => {
    const guesses: Guess[] = [{ ...guess(['a/b:3']), setting: 'B_IMAGE' }, guess(['c/d:1'])];
    const options: ConfirmOptions = { concurrency: 1, ask: async () => 'there' };
    const { candidates } = await confirm(findings({ guesses }), options);
    expect(candidates.map(({ setting }) => setting)).toEqual(['B_IMAGE', undefined]);
  });

  test('leaves a name unresolved when no version exists', async () => {
    expect(await ask({ guesses: [guess(['a/b:3'])] }, [])).toMatchObject({
      names: [],
      open: [{ possible: ['a/b:3'] }],
    });
  });

  test('keeps paired versions when the registry gives no answer, and leaves other names unresolved', async () => {
    const found = { guesses: [guess(['a/b:3', 'a/b:2']), guess(['c/d:1', 'c/d:0'], true)] };
    const { names, open } = await ask(found, [], 150, 'unknown');
    expect(names).toEqual(['medium c/d:1']);
    expect(open).toHaveLength(1);
  });

  test('takes the first prefix that has a component, and the components that exist there', async () => {
    const family: Family = {
      ...place,
      kind: 'recombined',
      evidence: 'a list',
      prefixes: ['x/', 'y/'],
      members: ['a:1', 'b:1', 'c:1', 'd:1'],
    };
    const { asked, names } = await ask({ families: [family] }, ['y/b:1', 'y/d:1']);
    expect(names).toEqual(['medium y/b:1', 'medium y/d:1']);
    expect(asked).toEqual(['x/a:1', 'x/b:1', 'x/c:1', 'y/a:1', 'y/b:1', 'y/c:1', 'y/d:1']);
  });

  test('sends no more requests than the limit', async () => {
    const many = Array.from({ length: 30 }, (_, i) => guess([`a/b${i}:1`, `a/b${i}:0`]));
    const { asked, open } = await ask({ guesses: many }, [], 10);
    expect(asked).toHaveLength(10);
    expect(open).toHaveLength(30);
  });
});

describe('confirm: complete names', () => {
  const constant = { ...place, written: 'a/b:1', kind: 'constant' as const, evidence: 'x' };

  test('drops a name that does not exist and keeps it without an answer', async () => {
    const candidates = [{ ...constant, reference: 'a/b:1', confidence: 'high' as const }];
    expect((await ask({ candidates }, [])).names).toEqual([]);
    expect((await ask({ candidates }, [], 150, 'unknown')).names).toEqual(['high a/b:1']);
  });

  test('keeps each reference once, with its highest confidence', async () => {
    const candidates = (['low', 'high', 'medium'] as const).map(
      (confidence): Candidate => ({
        ...constant,
        reference: 'a/b:1',
        confidence,
      }),
    );
    expect((await ask({ candidates }, ['a/b:1'])).names).toEqual(['high a/b:1']);
  });
});
