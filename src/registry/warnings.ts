import type { Emit } from '../base/events.ts';
import { printableLine } from '../base/printable.ts';
import type { HttpResponse } from '../http/exchange.ts';

/** Maximum characters of a warning. */
const MAX_TEXT_LENGTH = 255;
/** Maximum warnings of registries per run. */
const MAX_WARNINGS = 20;

/**
 * Reports the warnings of registries, each text once per registry (distribution specification, "Warnings":
 * `Warning: 299 - "text"`, with the text of RFC 7234, 5.5). Warnings have no other effect.
 */
export function createWarningReporter(emit: Emit): (registry: string, response: HttpResponse) => void {
  const reported = new Set<string>();
  return (registry, { headers }) => {
    const { warning } = headers;
    // Fast path: called for every response, and most have no warning.
    if (warning === undefined) return;
    for (const value of Array.isArray(warning) ? warning : [warning]) {
      const [, quoted] = /^299 [^ "]+ "((?:[^"\\]|\\.)*)"/.exec(value) ?? [];
      const text = quoted?.replace(/\\(.)/g, '$1').trim().slice(0, MAX_TEXT_LENGTH);
      const message = `${registry} says: ${printableLine(text ?? '')}`;
      if (!text || reported.has(message) || reported.size >= MAX_WARNINGS) continue;
      reported.add(message);
      emit({ type: 'warning', message });
    }
  };
}
