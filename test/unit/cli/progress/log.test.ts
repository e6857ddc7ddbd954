import { expect, it } from 'vitest';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import { registerSecret } from '../../../../src/base/redact.ts';
import { emitToBoth, jsonLogger } from '../../../../src/cli/progress/log.ts';

const now = (): Date => new Date('2026-01-02T03:04:05.678Z');

it('a log has a line of JSON for each event, without secrets', () => {
  registerSecret('hunter2-of-the-log');
  const lines: string[] = [];
  const emit = jsonLogger((line) => lines.push(line), now);
  emit({ type: 'image', reference: 'quay.io/a:1', digest: 'sha256:0' });
  emit({ type: 'bytes', bytes: 5 });
  emit({ type: 'retry', what: 'quay.io/a', attempt: 2, reason: 'said "hunter2-of-the-log"' });
  expect(lines.map((line) => line.endsWith('\n') && JSON.parse(line))).toEqual([
    { time: '2026-01-02T03:04:05.678Z', event: 'image', reference: 'quay.io/a:1', digest: 'sha256:0' },
    { time: '2026-01-02T03:04:05.678Z', event: 'retry', what: 'quay.io/a', attempt: 2, reason: expect.any(String) },
  ]);
  expect(lines.join('')).not.toContain('hunter2');
});

it('both listeners receive each event', () => {
  const received: AirgapEvent[][] = [[], []];
  const [first = [], second = []] = received;
  const event: AirgapEvent = { type: 'note', message: 'x' };
  emitToBoth(
    (one) => first.push(one),
    (one) => second.push(one),
  )(event);
  expect(received).toEqual([[event], [event]]);
});
