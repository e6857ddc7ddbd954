import { expect, it } from 'vitest';
import { deltaOf } from '../../../src/inventory/delta.ts';
import { formatInventory, type Inventory, parseInventory } from '../../../src/inventory/inventory.ts';
import { digestOf } from '../../../src/oci/digest.ts';

const [since, one, two] = ['since', '1', '2'].map((text) => digestOf(Buffer.from(text))) as [string, string, string];
const inventory: Inventory = {
  apiVersion: 'airgap/v1',
  kind: 'Lock',
  schemaVersion: 1,
  platforms: [],
  charts: [],
  images: [],
};
const requires = [
  { digest: one, size: 10, repositories: ['quay.io/a/b', 'localhost:5000/c'] },
  { digest: two, size: 5, repositories: [] },
] as NonNullable<Inventory['requires']>;

it('is read from an inventory as it was written', () => {
  const delta = { ...inventory, since, requires } as Inventory;
  expect(parseInventory(formatInventory(delta))).toEqual(delta);
  expect(deltaOf(delta)).toEqual({ since, blobs: 2, bytes: 15 });
});

it('is undefined for a full bundle', () => {
  expect(deltaOf(inventory)).toBeUndefined();
});

it.each([
  [{ digest: 'sha256:x' }, 'requires.0.digest'],
  [{ size: -1 }, 'requires.0.size'],
  [{ repositories: ['quay.io/../../v2/secret'] }, 'requires.0.repositories.0'],
  [{ repositories: ['quay.io/a?mount=x'] }, 'requires.0.repositories.0'],
])('is refused with invalid fields: %j', (wrong, field) => {
  const bytes = Buffer.from(JSON.stringify({ ...inventory, since, requires: [{ ...requires[0], ...wrong }] }));
  expect(() => parseInventory(bytes)).toThrow(field);
});
