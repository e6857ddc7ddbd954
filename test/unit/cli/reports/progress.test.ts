import { describe, expect, it } from 'vitest';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import { createProgress } from '../../../../src/cli/reports/progress.ts';

const CLEAR = '\u001b[2K\u001b[1G';
const bytes = (n: number): AirgapEvent => ({ type: 'bytes', bytes: n });
const plan: AirgapEvent = { type: 'plan', blobs: 2, bytes: 2_000_000 };

function screen(isTTY: boolean) {
  let text = '';
  let time = 1000;
  const write = (chunk: string): void => {
    text += chunk;
  };
  const stream = { isTTY, write } as unknown as NodeJS.WriteStream;
  const progress = createProgress(stream, () => time);
  return {
    ...progress,
    text: () => text.replaceAll(CLEAR, '<'),
    /** Emits events, `wait` milliseconds apart. */
    play: (wait: number, ...events: AirgapEvent[]) => {
      for (const event of events) {
        time += wait;
        progress.emit(event);
      }
    },
  };
}

describe('progress on a stream that is not a terminal', () => {
  it('writes notes, warnings and retries, and no progress line', () => {
    const { play, clear, text } = screen(false);
    play(
      1000,
      { type: 'note', message: 'rendering web' },
      plan,
      bytes(1_000_000),
      { type: 'warning', message: 'odd' },
      { type: 'retry', what: 'layer', attempt: 2, reason: 'closed' },
      { type: 'blob', digest: 'sha256:0', bytes: 5, skipped: true },
      { type: 'image', reference: 'nginx', digest: 'sha256:0' },
    );
    clear();
    expect(text()).toBe('rendering web\nwarning: odd\nretrying (attempt 2): layer: closed\n');
  });

  it('shows no secret', () => {
    const { play, text } = screen(false);
    play(0, { type: 'retry', what: 'x', attempt: 1, reason: 'GET https://me:hunter22@r.example' });
    expect(text()).not.toContain('hunter22');
  });
});

describe('progress on a terminal', () => {
  it('redraws one line, not more than ten times a second', () => {
    const { play, text } = screen(true);
    play(150, plan, bytes(500_000));
    play(10, bytes(1), bytes(1), bytes(1));
    play(150, bytes(499_997));
    expect(text()).toBe('  0 B of 2.0 MB (0 %)<  500 kB of 2.0 MB (25 %)<  1.0 MB of 2.0 MB (50 %)');
  });

  it('erases the line before other output, once', () => {
    const { play, clear, text } = screen(true);
    play(150, plan, { type: 'note', message: 'next' });
    expect(text()).toBe('  0 B of 2.0 MB (0 %)<next\n  0 B of 2.0 MB (0 %)');
    clear();
    clear();
    expect(text().endsWith('(0 %)<')).toBe(true);
  });

  it('counts existing content as done, and never more than the total', () => {
    const { play, text } = screen(true);
    play(150, plan, { type: 'blob', digest: 'sha256:0', bytes: 1_000_000, skipped: true }, bytes(5_000_000));
    expect(text()).toContain('1.0 MB of 2.0 MB (50 %)');
    expect(text()).toContain('2.0 MB of 2.0 MB (100 %)');
  });

  it('does not count a blob twice, by its bytes and by its end', () => {
    const { play, text } = screen(true);
    play(150, plan, bytes(1_000_000), { type: 'blob', digest: 'sha256:0', bytes: 1_000_000, skipped: false });
    expect(text()).not.toContain('(100 %)');
  });

  it('adds up plans: those of several targets, and what a refused mount adds', () => {
    const { play, text } = screen(true);
    play(150, plan, { type: 'plan', blobs: 0, bytes: 2_000_000 }, bytes(1_000_000));
    expect(text().split('<').at(-1)).toBe('  1.0 MB of 4.0 MB (25 %)');
  });

  it('draws nothing before the plan', () => {
    const { play, text } = screen(true);
    play(150, bytes(10));
    expect(text()).toBe('');
  });
});
