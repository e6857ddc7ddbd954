import { describe, expect, it } from 'vitest';
import { podSource } from '../../../../src/cli/flags/pods.ts';

describe('the flags of a check of Pods', () => {
  it('name a cluster or a file', () => {
    expect(podSource({})).toBeUndefined();
    expect(podSource({ live: true })).toEqual({ cluster: {} });
    expect(podSource({ live: true, context: 'c' })).toEqual({ cluster: { context: 'c' } });
    expect(podSource({ pods: '-' })).toEqual({ file: '-' });
  });

  it('cannot name both', () => {
    for (const flags of [{ live: true, pods: 'x' } as const]) {
      expect(() => podSource(flags)).toThrow(expect.objectContaining({ code: 'usage' }));
    }
  });
});
