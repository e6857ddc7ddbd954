import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ecrLayerLookup, ecrRateLimiter, type PushItem } from '../../../src/ecr/uploads.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { awsEnvironment, declaring, operations } from '../../support/ecr/access.ts';
import { startEcr, type TestEcr } from '../../support/ecr.ts';
import { ecrPublicForTest } from '../../support/ecr-public.ts';

describe('the blobs of a repository', () => {
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

  it('checks those of ECR Public by alias and name', async () => {
    const { env, repositories, operations: sent } = await ecrPublicForTest({ repositories: ['m/a'] });
    repositories.get('acme/m/a')?.blobs.set(digests[5] as string, contents[5] as Buffer);
    const lookup = ecrLayerLookup({ env });
    const inPublic = (path: string) => lookup({ registry: 'public.ecr.aws', path }, digests);
    expect(await inPublic('acme/m/a')).toEqual(new Set([digests[5]]));
    expect(sent()).toEqual(Array(3).fill('BatchCheckLayerAvailability'));
    expect(await inPublic('acme/m/later')).toEqual(new Set());
    await expect(inPublic('other/m/a')).rejects.toMatchObject({ message: expect.stringContaining('other/m/a') });
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
});

const registry = '123456789012.dkr.ecr.us-east-1.amazonaws.com';

/** Returns the start time of each of several simultaneous items, in milliseconds. */
async function times(action: PushItem, registries: readonly string[]): Promise<number[]> {
  const limiter = ecrRateLimiter([], {
    now: () => 1_000_000,
    wait: async (milliseconds) => void waits.push(milliseconds),
  });
  const waits: number[] = [];
  for (const target of registries) {
    const before = waits.length;
    await limiter(action, target);
    if (waits.length === before) waits.push(0);
  }
  return waits.map(Math.round);
}

describe('uploads to ECR', () => {
  it('are spread by the quotas of an account after a burst', async () => {
    expect(await times('manifest', Array(8).fill(registry))).toEqual([0, 0, 0, 100, 200, 300, 400, 500]);
    expect(await times('blob', Array(6).fill(registry))).toEqual([0, 0, 0, 10, 20, 30]);
  });

  it('have other quotas in ECR Public', async () => {
    expect(await times('manifest', Array(5).fill('public.ecr.aws'))).toEqual([0, 0, 0, 100, 200]);
    expect(await times('blob', [...Array(5).fill('public.ecr.aws'), registry])).toEqual([0, 0, 0, 100, 200, 0]);
  });

  it('have quotas per account and region', async () => {
    const other = registry.replace('us-east-1', 'eu-west-1');
    expect(await times('manifest', [registry, registry, registry, other, registry])).toEqual([0, 0, 0, 0, 100]);
  });

  it('are not delayed when enough time has passed', async () => {
    let now = 0;
    const waits: number[] = [];
    const limiter = ecrRateLimiter([], { now: () => now, wait: async (milliseconds) => void waits.push(milliseconds) });
    for (let i = 0; i < 5; i++) {
      await limiter('manifest', registry);
      now += 150;
    }
    expect(waits).toEqual([]);
  });

  it('do not delay other registries', async () => {
    expect(await times('manifest', Array(6).fill('quay.io'))).toEqual([0, 0, 0, 0, 0, 0]);
  });
});
