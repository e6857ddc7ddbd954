const NOT_ASCII = /[^ -~]/;

/** Measures texts. The widths of other characters than ASCII are loaded on demand. */
export class TextWidths {
  #measure: ((text: string) => number) | undefined;

  /**
   * Makes {@link width} exact for these texts. Loading takes 25 ms of processor time, and almost all texts are ASCII.
   */
  async load(texts: readonly string[]): Promise<void> {
    if (this.#measure !== undefined || !texts.some((text) => NOT_ASCII.test(text))) return;
    const { default: stringWidth } = await import('string-width');
    this.#measure = stringWidth;
  }

  /** Returns the number of terminal columns of a line of text; for other than ASCII an upper bound, unless loaded. */
  width(text: string): number {
    if (!NOT_ASCII.test(text)) return text.length;
    // No character has less than one UTF-16 unit for two columns.
    return this.#measure === undefined ? 2 * text.length : this.#measure(text);
  }
}

const widths = new TextWidths();

/** See {@link TextWidths.load}. */
export function loadWidths(texts: readonly string[]): Promise<void> {
  return widths.load(texts);
}

/** See {@link TextWidths.width}. */
export function textWidth(text: string): number {
  return widths.width(text);
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
