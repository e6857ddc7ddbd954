/** Characters of a shell script, with the line of the next one. */
export class Cursor {
  readonly text: string;
  position = 0;
  line = 1;
  /** Line of the first quote, array or here-document without an end: what follows it was not read. */
  unclosed: number | undefined;

  constructor(text: string, line = 1) {
    this.text = text;
    this.line = line;
  }

  get isAtEnd(): boolean {
    return this.position >= this.text.length;
  }

  peek(offset = 0): string {
    return this.text[this.position + offset] ?? '';
  }

  startsWith(text: string): boolean {
    return this.text.startsWith(text, this.position);
  }

  step(count = 1): void {
    for (let i = 0; i < count && !this.isAtEnd; i += 1) {
      if (this.peek() === '\n') this.line += 1;
      this.position += 1;
    }
  }

  /** Steps over a closing character; notes the line of the opening one if there is none. */
  close(char: string, openedAt: number): void {
    if (this.peek() === char) this.step();
    else this.unclosed ??= openedAt;
  }

  /** Goes to the next line break, or the end. */
  skipLine(): void {
    const end = this.text.indexOf('\n', this.position);
    this.position = end < 0 ? this.text.length : end;
  }

  /** Skips spaces, line continuations, and, if wanted, line breaks and comments. */
  skipBlanks(andLines = false): void {
    for (;;) {
      const char = this.peek();
      if (this.startsWith('\\\n')) this.step(2);
      else if (char === ' ' || char === '\t' || char === '\r' || (andLines && char === '\n')) this.step();
      else if (andLines && char === '#') this.skipLine();
      else return;
    }
  }
}
