import type { AirgapEvent, Emit, Plan } from '../../base/events.ts';
import { jsonText } from '../../base/printable.ts';
import { redact } from '../../base/redact.ts';

/** Progress within a body or a step, which would be most of the log. */
const OMITTED: ReadonlySet<AirgapEvent['type']> = new Set(['bytes', 'step-progress']);

/**
 * Returns a listener that writes each event as a line of JSON: `time` (ISO 8601, UTC), `event` and the event's fields.
 * Secrets are removed.
 * @param write receives a line with its newline
 */
export function jsonLogger(write: (line: string) => void, now: () => Date): Emit {
  return (event) => {
    if (OMITTED.has(event.type)) return;
    const { type, ...content } = event.type === 'plan' ? planTotals(event) : event;
    write(jsonLine(now(), type, content));
  };
}

/** Formats an event as a line of JSON without secrets. */
export function jsonLine(time: Date, event: string, content: object): string {
  const redacted = (_: string, value: unknown): unknown => (typeof value === 'string' ? redact(value) : value);
  return `${jsonText({ time: time.toISOString(), event, ...content }, undefined, redacted)}\n`;
}

/** Blobs have events of their own. */
function planTotals({ blobs, ...plan }: Plan) {
  return { ...plan, blobs: blobs.length, bytes: blobs.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** Passes each event to two listeners. */
export function emitToBoth(first: Emit, second: Emit): Emit {
  return (event) => {
    first(event);
    second(event);
  };
}
