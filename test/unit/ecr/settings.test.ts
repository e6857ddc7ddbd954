import { expect, test } from 'vitest';
import { mutabilityOf, overlaid } from '../../../src/ecr/settings.ts';

const below = { immutable: true, except: ['dev-*'], catalogData: { description: 'Below', usageText: 'Usage' } };

test.each([
  [{}, below],
  [{ scanOnPush: true }, { ...below, scanOnPush: true }],
  [{ immutable: true }, { immutable: true, catalogData: below.catalogData }],
  [{ catalogData: { description: 'Above' } }, { ...below, catalogData: { description: 'Above', usageText: 'Usage' } }],
])('%j over others', (above, result) => {
  expect(overlaid(below, above)).toEqual(result);
  expect(overlaid(undefined, above)).toBe(above);
});

test.each([
  [{}, undefined],
  [{ immutable: true }, 'IMMUTABLE'],
  [{ immutable: true, except: ['dev-*'] }, 'IMMUTABLE_WITH_EXCLUSION'],
  [{ immutable: false, except: ['v*'] }, 'MUTABLE_WITH_EXCLUSION'],
])('the mutability of %j', (settings, name) => {
  expect(mutabilityOf(settings)?.imageTagMutability).toBe(name);
});
