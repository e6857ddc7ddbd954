const NOT_ASCII = /[^ -~]/;

let measure: ((text: string) => number) | undefined;

/**
 * Makes {@link textWidth} exact for these texts. Loading the widths of characters takes 25 ms of processor time, and almost all
 * texts are ASCII.
 */
export async function loadWidths(texts: Iterable<string>): Promise<void> {
  if (measure !== undefined) return;
  for (const text of texts) {
    if (!NOT_ASCII.test(text)) continue;
    const { default: stringWidth } = await import('string-width');
    measure = stringWidth;
    return;
  }
}

/** Returns the number of terminal columns of a line of text; for other than ASCII an upper bound, unless widths are loaded. */
export function textWidth(text: string): number {
  if (!NOT_ASCII.test(text)) return text.length;
  // No character has less than one UTF-16 unit for two columns.
  return measure === undefined ? 2 * text.length : measure(text);
}

/** A character as readers see it: several code points may be one. */
export interface Character {
  readonly text: string;
  readonly width: number;
}

let segmenter: Intl.Segmenter | undefined;

/** Splits a text into its characters. */
export function charactersOf(text: string): Character[] {
  if (!NOT_ASCII.test(text)) return Array.from(text, (character) => ({ text: character, width: 1 }));
  segmenter ??= new Intl.Segmenter();
  return Array.from(segmenter.segment(text), ({ segment }) => ({ text: segment, width: textWidth(segment) }));
}
