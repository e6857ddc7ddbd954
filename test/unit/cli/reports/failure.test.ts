import { describe, expect, it } from 'vitest';
import { AirgapError, combine } from '../../../../src/base/errors.ts';
import { formatFailure } from '../../../../src/cli/reports/failure.ts';

describe('formatFailure', () => {
  it('shows message and hint', () => {
    expect(formatFailure(new AirgapError('collision', 'a and b', { hint: 'rename one' }))).toBe(
      'Error: a and b\nHint: rename one',
    );
  });

  it('adds a default hint for its code', () => {
    for (const code of ['network', 'unauthorized', 'image-not-found', 'digest-mismatch', 'file'] as const) {
      expect(formatFailure(new AirgapError(code, 'x'))).toMatch(/^Error: x\nHint: .{10}/);
    }
  });

  it('groups the failures of a batch by hint', () => {
    const failure = (message: string, hint: string) => new AirgapError('registry', message, { hint });
    const error = combine(
      [failure('a', 'log in'), failure('b\nmore', 'wait'), failure('c', 'log in')],
      '3 images failed',
    );
    expect(formatFailure(error)).toBe(
      ['Error: 3 images failed:', '  - a', '  - c', '    Hint: log in', '  - b', '    more', '    Hint: wait'].join(
        '\n',
      ),
    );
  });

  it('flattens nested batches, without their summaries', () => {
    const leaf = (message: string) => new AirgapError('collision', message);
    const inner = combine([leaf('b'), leaf('c')], 'inner');
    expect(formatFailure(combine([leaf('a'), inner], 'outer'))).toBe('Error: outer:\n  - a\n  - b\n  - c');
  });

  it('prints a shared cause once, with each subject', () => {
    const error = combine(
      ['a:1: no way, wanted by chart x', 'b:1: no way', 'c: 1: other', 'd lacks: x', 'e lacks: x'].map(
        (message) => new AirgapError('registry', message, { hint: 'wait' }),
      ),
      '5 failed',
    );
    expect(formatFailure(error).split('\n')).toEqual([
      'Error: 5 failed:',
      '  - no way:',
      '    a:1, wanted by chart x',
      '    b:1',
      '  - c: 1: other',
      '  - d lacks: x',
      '  - e lacks: x',
      '    Hint: wait',
    ]);
  });
});
