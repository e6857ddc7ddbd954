/** A word of a command, unquoted, with variables unexpanded. */
export interface ShellWord {
  readonly text: string;
  /** Line number, from 1. */
  readonly line: number;
}

export interface ShellCommand {
  readonly words: readonly ShellWord[];
  /** Source text on one line. */
  readonly text: string;
}

/**
 * Splits a shell script into simple commands, including those inside `$(…)`, backquotes and subshells, in the order in
 * which they end. Understands quotes, comments, here-documents (skipped: they are data) and line continuations, and
 * tolerates text that is not shell.
 */
export function shellCommands(script: string): ShellCommand[] {
  const reader = new ShellReader(script);
  reader.read();
  return reader.commands;
}

class ShellReader {
  readonly commands: ShellCommand[] = [];
  readonly #text: string;
  #position = 0;
  #line = 1;
  #depth = 0;
  #hereDocuments: string[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  /** Reads up to the closing character of a substitution, or the end. */
  read(closing = ''): void {
    let words: ShellWord[] = [];
    let start = this.#position;
    const endCommand = (): void => {
      const text = this.#text
        .slice(start, this.#position)
        .replace(/(\\?)(\s+)/g, (_, slash: string, blanks: string) => (blanks.includes('\n') ? ' ' : `${slash} `))
        .trim();
      if (words.length > 0) this.commands.push({ words, text });
      words = [];
    };
    while (this.#position < this.#text.length) {
      const char = this.#text[this.#position] ?? '';
      if (char === closing) break;
      if (/[\n;&|(){}]/.test(char) && !this.#isInRedirection(char) && !this.#isBraceOfWord(char)) {
        endCommand();
        this.#step();
        if (char === '\n') this.#skipHereDocuments();
        start = this.#position;
      } else if (/\s/.test(char)) this.#step();
      else if (char === '#') this.#skipTo('\n');
      else if (this.#text.startsWith('\\\n', this.#position)) this.#step(2);
      else if (this.#text.startsWith('<<', this.#position) && this.#text[this.#position + 2] !== '<')
        this.#hereDocument();
      else words.push(this.#word(closing));
    }
    endCommand();
  }

  #isInRedirection(char: string): boolean {
    return (
      char === '&' && (/[<>]/.test(this.#text[this.#position - 1] ?? '') || this.#text[this.#position + 1] === '>')
    );
  }

  /** Braces group commands only when they stand alone. */
  #isBraceOfWord(char: string): boolean {
    return (
      (char === '{' || char === '}') &&
      /\S/.test(this.#text[this.#position + 1] ?? ' ') &&
      this.#text[this.#position + 1] !== ';'
    );
  }

  #word(closing: string): ShellWord {
    const line = this.#line;
    let text = '';
    for (let char = this.#peek(); char !== ''; char = this.#peek()) {
      if (char === closing || /[\s;|()]/.test(char) || (char === '&' && !this.#isInRedirection(char))) break;
      if (char === "'") text += this.#quoted("'");
      else if (char === '"') text += this.#doubleQuoted();
      else if (char === '\\') {
        text += this.#text[this.#position + 1] === '\n' ? '' : (this.#text[this.#position + 1] ?? '');
        this.#step(2);
      } else text += this.#plain();
    }
    return { text, line };
  }

  /** Reads one character, or a whole expansion. */
  #plain(): string {
    const start = this.#position;
    const char = this.#peek();
    if (this.#text.startsWith('$(', this.#position)) this.#substitution(2, ')');
    else if (char === '`') this.#substitution(1, '`');
    else if (this.#text.startsWith('${', this.#position)) this.#skipTo('}', 1);
    else this.#step();
    return this.#text.slice(start, this.#position);
  }

  #substitution(opening: number, closing: string): void {
    this.#step(opening);
    // Deeper nesting is not a script, and would overflow the stack.
    if (this.#depth >= 20) return;
    this.#depth++;
    this.read(closing);
    this.#depth--;
    this.#step();
  }

  #quoted(quote: string): string {
    const end = this.#text.indexOf(quote, this.#position + 1);
    // An apostrophe in prose.
    if (end < 0) {
      this.#step();
      return '';
    }
    const text = this.#text.slice(this.#position + 1, end);
    this.#step(end + 1 - this.#position);
    return text;
  }

  #doubleQuoted(): string {
    let text = '';
    this.#step();
    for (let char = this.#peek(); char !== '' && char !== '"'; char = this.#peek()) {
      if (char === '\\') {
        const next = this.#text[this.#position + 1] ?? '';
        text += next === '\n' ? '' : /["\\$`]/.test(next) ? next : `\\${next}`;
        this.#step(2);
      } else text += this.#plain();
    }
    this.#step();
    return text;
  }

  #hereDocument(): void {
    const [match, delimiter = ''] = /^<<-?\s*["'\\]?([\w.-]*)["']?/.exec(
      this.#text.slice(this.#position, this.#position + 80),
    ) ?? [''];
    if (delimiter !== '') this.#hereDocuments.push(delimiter);
    this.#step(Math.max(match.length, 2));
  }

  #skipHereDocuments(): void {
    for (const delimiter of this.#hereDocuments) {
      for (;;) {
        const start = this.#position;
        this.#skipTo('\n', 1);
        if (this.#text.slice(start, this.#position).trim() === delimiter || this.#position >= this.#text.length) break;
      }
    }
    this.#hereDocuments = [];
  }

  #peek(): string {
    return this.#text[this.#position] ?? '';
  }

  #skipTo(char: string, extra = 0): void {
    const end = this.#text.indexOf(char, this.#position);
    this.#step((end < 0 ? this.#text.length : end + extra) - this.#position);
  }

  #step(count = 1): void {
    for (let i = 0; i < count && this.#position < this.#text.length; i++) {
      if (this.#text[this.#position] === '\n') this.#line++;
      this.#position++;
    }
  }
}
