import { formatReference, tryParseReference } from '../src/oci/reference.ts';
import type { Found } from './found.ts';

/** An `image:` key with a plain value, in a list or not, as scripts search for it. */
const LINE = /^[\s-]*image:\s+(\S+)/;

/**
 * Finds `image:` lines in the output of `helm template`, without quotes and normalised. Values that are no references are
 * reported unchanged: a script would try to pull them.
 */
export function grepImages(rendered: string): Found[] {
  const lines = new Map<string, string[]>();
  for (const [index, line] of rendered.split('\n').entries()) {
    const written = LINE.exec(line)?.[1]?.replace(/^(["'])(.*)\1$/, '$2');
    if (written === undefined || written === '') continue;
    lines.set(written, [...(lines.get(written) ?? []), `line ${index + 1}`]);
  }
  const found = new Map<string, Found>();
  for (const [written, locations] of lines) {
    const parsed = tryParseReference(written);
    const reference = parsed === undefined ? written : formatReference(parsed);
    const other = found.get(reference);
    found.set(reference, {
      reference,
      confidence: 'certain',
      written: [...(other?.written ?? []), written],
      locations: [...(other?.locations ?? []), ...locations],
    });
  }
  return [...found.values()];
}
