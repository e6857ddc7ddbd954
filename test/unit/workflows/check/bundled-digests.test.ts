import { expect, it } from 'vitest';
import type { Bundle } from '../../../../src/bundle/reading/bundle.ts';
import { parseTarget } from '../../../../src/naming/naming.ts';
import { parseReference } from '../../../../src/oci/reference.ts';
import { BundledDigests } from '../../../../src/workflows/check/bundled-digests.ts';
import { MemoryRegistry, noise } from '../../../support/memory-registry.ts';

it('reads each manifest once, however often nested indexes list it', async () => {
  const source = new MemoryRegistry();
  let child = source.addImage('quay.io/deep', undefined, [noise('layer', 100)]);
  for (const _ of [1, 2]) child = source.addIndex('quay.io/deep', undefined, Array(200).fill(child));
  const descriptor = source.addIndex('quay.io/deep', '1', Array(200).fill(child));
  const reference = parseReference('quay.io/deep:1');
  let reads = 0;
  const bundle = {
    images: () => [{ reference, descriptor }],
    manifest: (...args: Parameters<MemoryRegistry['manifest']>) => {
      reads++;
      return source.manifest(...args);
    },
  };
  const target = parseTarget('registry.example/m', 'host-path');
  const digests = await BundledDigests.read(bundle as unknown as Bundle, target);
  expect(reads).toBe(4);
  expect(digests.find(parseReference('registry.example/m/quay.io/deep:1'))?.digests.has(child.digest)).toBe(true);
});
