import { join } from 'node:path';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { frame, Screen, type TerminalSize } from '../../../../src/cli/progress/screen.ts';
import type { Snapshot } from '../../../../src/cli/progress/state.ts';
import { CONTROL_CHARACTERS, hostileText } from '../../../support/hostile-text.ts';
import fc from '../../../support/property.ts';

const MB = 1_000_000;
/** A transfer of 2,000 images, of which 40 are in transfer. */
const LARGE: Snapshot = {
  steps: [
    { title: 'rendering kube-prometheus-stack 72.6.2', elapsed: 12_000 },
    { title: 'checking tags', elapsed: 800, items: { done: 12, total: 2000 } },
    { title: 'waiting for quay.io', elapsed: 71_000 },
    { title: 'resolving images', elapsed: 0 },
  ],
  transfer: {
    activity: 'fetching',
    elapsed: 60_000,
    items: { noun: 'images', done: 1234, total: 2000 },
    bytes: { done: 61_700 * MB, total: 100_000 * MB },
    percent: 61,
    rate: 85.4 * MB,
    timeLeft: 448_000,
    active: Array.from({ length: 40 }, (_, i) => ({
      name: `registry-${i}.example.org/team/some/long/path/component-${i}:v1.${i}.0`,
      bytes: { done: i * MB, total: 50 * MB },
      isAwaitingAnswer: false,
      retries: i % 7 === 2 ? 2 : 0,
      ...(i % 5 === 1 && { idle: 34_000 }),
    })),
  },
  retries: 17,
};

describe('a frame', () => {
  it.each([
    [40, 10],
    [60, 24],
    [80, 24],
    [120, 50],
    [200, 50],
  ])('shows 2,000 images in %i columns and %i rows', async (columns, rows) => {
    const text = `${frame(LARGE, columns, rows).join('\n')}\n`;
    await expect(text).toMatchFileSnapshot(join(import.meta.dirname, `golden/frame-${columns}x${rows}.txt`));
  });

  it('is narrower than the terminal and leaves a row free, whatever it shows and however small that is', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 250 }),
        fc.integer({ min: 2, max: 60 }),
        hostileText,
        (columns, rows, name) => {
          const transfer = { ...LARGE.transfer, active: [{ ...LARGE.transfer?.active[0], name }] };
          const snapshot = { ...LARGE, steps: [{ title: name, elapsed: 0 }], transfer } as Snapshot;
          const lines = frame(snapshot, columns, rows);
          expect(lines.length).toBeLessThan(rows);
          for (const line of lines) {
            expect(stringWidth(line)).toBeLessThan(Math.max(2, columns));
            expect(line).not.toMatch(CONTROL_CHARACTERS);
          }
        },
      ),
    );
  });

  it('is quick for a very long title', () => {
    const steps = [{ title: 'x'.repeat(1_000_000), elapsed: 0 }];
    expect(frame({ steps, retries: 0 }, 80, 24)[0]).toHaveLength(79);
  });
});

describe('a screen', () => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: this pattern matches escape sequences
  const ESCAPES = /\u001b\[(\d*)([A-Z])/g;
  function screen(size: TerminalSize) {
    const written: string[] = [];
    let current = size;
    const drawn = new Screen(
      (text) => written.push(text),
      () => current,
    );
    return {
      drawn,
      resize: (next: TerminalSize) => {
        current = next;
      },
      /** Rows that the last text moved up before it wrote. */
      up: () => Number([...(written.at(-1) ?? '').matchAll(ESCAPES)].find(([, , name]) => name === 'A')?.[1] ?? 0),
      last: () => written.at(-1) ?? '',
    };
  }

  it('moves up by its lines, and by more rows if the window became narrower', () => {
    const { drawn, resize, up } = screen({ columns: 80, rows: 24 });
    drawn.draw(LARGE);
    expect(up()).toBe(0);
    drawn.draw(LARGE);
    const lines = frame(LARGE, 80, 24);
    expect(up()).toBe(lines.length);
    resize({ columns: 40, rows: 24 });
    drawn.draw(LARGE);
    expect(up()).toBe(lines.reduce((rows, line) => rows + Math.ceil(line.length / 40), 0));
    resize({ columns: 200, rows: 24 });
    drawn.clear();
    expect(up()).toBe(frame(LARGE, 40, 24).length);
  });

  it.each([
    {},
    { columns: 0, rows: 0 },
    { columns: 1, rows: 1 },
    { columns: 65_535, rows: 65_535 },
    { columns: Number.NaN, rows: -3 },
    { columns: 1e300, rows: 0.5 },
  ])('draws in a terminal that lies about its size: %o', (size) => {
    const { drawn, last } = screen(size);
    drawn.draw(LARGE);
    drawn.draw(LARGE);
    drawn.clear();
    expect(last()).not.toMatch(/NaN|Infinity|undefined|\[-/);
    // Nothing is left to clear.
    drawn.clear();
    expect(last()).toMatch(/A$/);
  });
});
