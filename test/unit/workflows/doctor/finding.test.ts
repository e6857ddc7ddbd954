import { afterEach, describe, expect, it, vi } from 'vitest';
import { AirgapError } from '../../../../src/base/errors.ts';
import { registerSecret } from '../../../../src/base/redact.ts';
import { CHECK_LIMIT, good, limited } from '../../../../src/workflows/doctor/finding.ts';

afterEach(() => void vi.useRealTimers());

describe('a check', () => {
  it('ends after its limit, and its requests are aborted', async () => {
    vi.useFakeTimers();
    let seen: AbortSignal | undefined;
    const checking = limited('login', undefined, (signal) => {
      seen = signal;
      return new Promise(() => {});
    });
    await vi.advanceTimersByTimeAsync(CHECK_LIMIT);
    expect(await checking).toMatchObject([{ check: 'login', status: 'bad', message: expect.stringMatching(/10 s/) }]);
    expect(seen?.aborted).toBe(true);
  });

  it('has an error as its finding, with the hint', async () => {
    const error = new AirgapError('network', 'no way', { hint: 'another way' });
    const found = await limited('push', undefined, () => Promise.reject(error), 'r.example');
    expect(found).toEqual([
      { check: 'push', name: 'r.example', status: 'bad', message: 'no way', hint: 'another way' },
    ]);
  });

  it('throws what is a bug, and an interrupt', async () => {
    await expect(limited('push', undefined, () => Promise.reject(new TypeError('bug')))).rejects.toThrow(TypeError);
    const aborted = AbortSignal.abort(new Error('ctrl-c'));
    const late = limited('push', aborted, () => Promise.reject(new Error('aborted')));
    await expect(late).rejects.toMatchObject({ code: 'interrupted' });
  });
});

it('a finding has no secret', () => {
  registerSecret('geheim-in-finding');
  const found = good('login', 'by geheim-in-finding', { name: 'geheim-in-finding', hint: 'geheim-in-finding' });
  expect(JSON.stringify(found)).not.toContain('geheim');
});
