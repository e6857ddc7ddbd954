import { formatReference, tryParseReference } from '../src/oci/reference.ts';
import type { Found } from './found.ts';

/** What scripts look for: an `image:` key with a plain text behind it, in a list or not. */
const LINE = /^[\s-]*image:\s+(\S+)/;

/**
 * What a search for `image:` lines in the output of `helm template` finds, without quotes and normalised. What is no
 * reference is reported as it stands: such a script would pull it.
 */
export function grepImages(rendered: string): Found[] {
  const lines = new Map<string, string[]>();
  for (const [at, line] of rendered.split('\n').entries()) {
    const written = LINE.exec(line)?.[1]?.replace(/^(["'])(.*)\1$/, '$2');
    if (written === undefined || written === '') continue;
    lines.set(written, [...(lines.get(written) ?? []), `line ${at + 1}`]);
  }
  const found = new Map<string, Found>();
  for (const [written, places] of lines) {
    const parsed = tryParseReference(written);
    const reference = parsed === undefined ? written : formatReference(parsed);
    const other = found.get(reference);
    found.set(reference, {
      reference,
      confidence: 'certain',
      written: [...(other?.written ?? []), written],
      places: [...(other?.places ?? []), ...places],
    });
  }
  return [...found.values()];
}
