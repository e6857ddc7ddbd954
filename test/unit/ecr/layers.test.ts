import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ecrLayerLookup } from '../../../src/ecr/layers.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { startEcr, type TestEcr } from '../../support/ecr.ts';
import { awsEnvironment, declaring, operations } from './set-up.ts';

let ecr: TestEcr;
beforeEach(async () => {
  awsEnvironment();
  ecr = await startEcr({ repositories: ['mirrored/a'] });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await ecr.stop();
});

const contents = Array.from({ length: 230 }, (_, index) => Buffer.from(`blob ${index}`));
const digests = contents.map((content) => digestOf(content));

it('checks 100 blobs per request', async () => {
  const stored = ecr.repositories.get('mirrored/a')?.blobs as Map<string, Buffer>;
  for (const index of [0, 99, 100, 229]) stored.set(digests[index] as string, contents[index] as Buffer);
  const found = await ecrLayerLookup(declaring(ecr))({ registry: ecr.host, path: 'mirrored/a' }, digests);
  expect(found).toEqual(new Set([0, 99, 100, 229].map((index) => digests[index])));
  expect(operations(ecr)).toEqual(Array(3).fill('BatchCheckLayerAvailability'));
});

it('finds nothing in a missing repository', async () => {
  expect(await ecrLayerLookup(declaring(ecr))({ registry: ecr.host, path: 'mirrored/later' }, digests)).toEqual(
    new Set(),
  );
});

it('ignores other registries', () => {
  expect(ecrLayerLookup(declaring(ecr))({ registry: 'quay.io', path: 'a' }, digests)).toBeUndefined();
});

it('reports the repository in errors', async () => {
  ecr.fault({
    match: 'BatchCheckLayerAvailability',
    code: 'AccessDeniedException',
    status: 400,
    message: 'not authorized',
  });
  const asking = ecrLayerLookup(declaring(ecr))({ registry: ecr.host, path: 'mirrored/a' }, digests);
  await expect(asking).rejects.toMatchObject({
    code: 'forbidden',
    message: expect.stringContaining(`${ecr.host}/mirrored/a: `),
  });
});
