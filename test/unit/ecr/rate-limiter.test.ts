import { describe, expect, it } from 'vitest';
import { ecrRateLimiter, type PushItem } from '../../../src/ecr/rate-limiter.ts';

const ecr = '123456789012.dkr.ecr.us-east-1.amazonaws.com';

/** Returns the start time of each of several simultaneous items, in milliseconds. */
async function times(action: PushItem, registries: readonly string[]): Promise<number[]> {
  const limiter = ecrRateLimiter([], {
    now: () => 1_000_000,
    wait: async (milliseconds) => void waits.push(milliseconds),
  });
  const waits: number[] = [];
  for (const registry of registries) {
    const before = waits.length;
    await limiter(action, registry);
    if (waits.length === before) waits.push(0);
  }
  return waits.map(Math.round);
}

describe('uploads to ECR', () => {
  it('are spread by the quotas of an account after a burst', async () => {
    expect(await times('manifest', Array(8).fill(ecr))).toEqual([0, 0, 0, 100, 200, 300, 400, 500]);
    expect(await times('blob', Array(6).fill(ecr))).toEqual([0, 0, 0, 10, 20, 30]);
  });

  it('have quotas per account and region', async () => {
    const other = ecr.replace('us-east-1', 'eu-west-1');
    expect(await times('manifest', [ecr, ecr, ecr, other, ecr])).toEqual([0, 0, 0, 0, 100]);
  });

  it('are not delayed when enough time has passed', async () => {
    let now = 0;
    const waits: number[] = [];
    const limiter = ecrRateLimiter([], { now: () => now, wait: async (milliseconds) => void waits.push(milliseconds) });
    for (let i = 0; i < 5; i++) {
      await limiter('manifest', ecr);
      now += 150;
    }
    expect(waits).toEqual([]);
  });

  it('do not delay other registries', async () => {
    expect(await times('manifest', Array(6).fill('quay.io'))).toEqual([0, 0, 0, 0, 0, 0]);
  });
});
