import { describe, expect, it } from 'vitest';
import { checkPullSettings } from '../../../../src/cli/flags/overrides.ts';

describe('pull secret and digests', () => {
  it('are refused in invalid combinations', () => {
    const check = (flags: Partial<Parameters<typeof checkPullSettings>[0]>) => () =>
      checkPullSettings({ format: 'values', ...flags });
    const usage = (...facts: string[]) =>
      expect.objectContaining({ code: 'usage', message: expect.stringMatching(facts.join('.*')) });
    expect(check({ pin: true })).toThrow(usage('--pin', '--bundle'));
    for (const pullSecret of ['My Secret', 'a..b', 'x'.repeat(254)])
      expect(check({ pullSecret })).toThrow(expect.objectContaining({ code: 'usage' }));
    expect(check({ pullSecret: 'ecr', format: 'map' })).toThrow(usage('--pull-secret', '--format map'));
    expect(check({ pin: true, bundle: 'b', format: 'aggregate' })).toThrow(usage('--pin', '--format aggregate'));
    expect(check({ pin: true, bundle: 'b', pullSecret: 'ecr.1', format: 'flux' })).not.toThrow();
    expect(check({ format: 'map' })).not.toThrow();
  });
});
