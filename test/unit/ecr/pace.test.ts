import { describe, expect, it } from 'vitest';
import { type Action, ecrPace } from '../../../src/ecr/pace.ts';

const ecr = '123456789012.dkr.ecr.us-east-1.amazonaws.com';

/** When each of many actions that come at once is begun, in milliseconds. */
async function times(action: Action, registries: readonly string[]): Promise<number[]> {
  const pace = ecrPace([], { now: () => 1_000_000, wait: async (milliseconds) => void waits.push(milliseconds) });
  const waits: number[] = [];
  for (const registry of registries) {
    const before = waits.length;
    await pace(action, registry);
    if (waits.length === before) waits.push(0);
  }
  return waits.map(Math.round);
}

describe('what goes to ECR', () => {
  it('is spread as the quotas of an account have it, after a few', async () => {
    expect(await times('manifest', Array(8).fill(ecr))).toEqual([0, 0, 0, 100, 200, 300, 400, 500]);
    expect(await times('blob', Array(6).fill(ecr))).toEqual([0, 0, 0, 10, 20, 30]);
  });

  it('has quotas for each account and region', async () => {
    const other = ecr.replace('us-east-1', 'eu-west-1');
    expect(await times('manifest', [ecr, ecr, ecr, other, ecr])).toEqual([0, 0, 0, 0, 100]);
  });

  it('waits no longer than time that has not passed', async () => {
    let now = 0;
    const waits: number[] = [];
    const pace = ecrPace([], { now: () => now, wait: async (milliseconds) => void waits.push(milliseconds) });
    for (let i = 0; i < 5; i++) {
      await pace('manifest', ecr);
      now += 150;
    }
    expect(waits).toEqual([]);
  });

  it('does not hold up other registries', async () => {
    expect(await times('manifest', Array(6).fill('quay.io'))).toEqual([0, 0, 0, 0, 0, 0]);
  });
});
