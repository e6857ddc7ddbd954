import type { Emit } from '../base/events.ts';
import { printableLine } from '../base/printable.ts';
import type { HttpResponse } from '../http/exchange.ts';

/** Characters of a text that are shown. */
const LENGTH = 255;
/** Warnings of registries that a run shows. */
const LIMIT = 20;

/**
 * Tells what registries warn of, each text of a registry once (distribution specification, "Warnings":
 * `Warning: 299 - "text"`, with the text of RFC 7234, 5.5). Nothing else follows from it.
 */
export function warningTeller(emit: Emit): (registry: string, response: HttpResponse) => void {
  const told = new Set<string>();
  return (registry, { headers }) => {
    const { warning } = headers;
    // Most answers have none, and all answers pass here.
    if (warning === undefined) return;
    for (const value of Array.isArray(warning) ? warning : [warning]) {
      const [, quoted] = /^299 [^ "]+ "((?:[^"\\]|\\.)*)"/.exec(value) ?? [];
      const text = quoted?.replace(/\\(.)/g, '$1').trim().slice(0, LENGTH);
      const message = `${registry} says: ${printableLine(text ?? '')}`;
      if (!text || told.has(message) || told.size >= LIMIT) continue;
      told.add(message);
      emit({ type: 'warning', message });
    }
  };
}
