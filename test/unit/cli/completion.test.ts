import { describe, expect, it } from 'vitest';
import { checkCompletion } from '../../../src/cli/flags/completion.ts';

describe('pull secret and digests', () => {
  it('are refused where they make no sense', () => {
    const check = (flags: Partial<Parameters<typeof checkCompletion>[0]>) => () =>
      checkCompletion({ format: 'values', ...flags });
    expect(check({ pin: true })).toThrow('--pin needs --bundle');
    for (const pullSecret of ['My Secret', 'a..b', 'x'.repeat(254)])
      expect(check({ pullSecret })).toThrow(expect.objectContaining({ code: 'usage' }));
    expect(check({ pullSecret: 'ecr', format: 'map' })).toThrow('--pull-secret does not go with --format map');
    expect(check({ pin: true, bundle: 'b', format: 'aggregate' })).toThrow('--pin does not go with --format aggregate');
    expect(check({ pin: true, bundle: 'b', pullSecret: 'ecr.1', format: 'flux' })).not.toThrow();
    expect(check({ format: 'map' })).not.toThrow();
  });
});
