/** Where a variable's values come from when the script itself does not set it. */
export type Lookup = (name: string) => readonly string[];

/** More combinations than any script means. */
const LIMIT = 20;
const VARIABLE = /\$(?:\{([A-Za-z_]\w*)(?::?[-=]([^{}]*))?\}|\(([A-Za-z_]\w*)\)|([A-Za-z_]\w*))/;

/** Shell variables of one script; a loop's variable has several values. */
export class Variables {
  readonly #own = new Map<string, readonly string[]>();
  readonly #lookup: Lookup;

  constructor(lookup: Lookup) {
    this.#lookup = lookup;
  }

  /** A later assignment stands beside an earlier one, since either may be what a branch has set. */
  set(name: string, values: readonly string[]): void {
    const before = this.#own.get(name) ?? [];
    this.#own.set(name, [...new Set([...before, ...values])].slice(0, LIMIT));
  }

  /** What a variable may be, in a script inside of this one. */
  valuesOf(name: string): readonly string[] {
    return (this.#own.get(name) ?? this.#lookup(name)).flatMap((value) => this.expand(value));
  }

  /** Every text that this one may stand for. What nothing sets stays as it is written. */
  expand(text: string, depth = 0): string[] {
    const match = VARIABLE.exec(text);
    // Variables may be built from each other in a circle, and no address is that long.
    if (match === null || depth > 3 || text.length > 4000) return [text];
    const [all, braced, fallback, kubernetes, bare] = match;
    const name = braced ?? kubernetes ?? bare ?? '';
    const known = (this.#own.get(name) ?? this.#lookup(name)).filter((value) => !isUnknown(value, name));
    const defaults = fallback === undefined || fallback === '' ? [] : [fallback];
    const values = known.length > 0 ? known : defaults;
    const before = text.slice(0, match.index);
    const after = this.expand(text.slice(match.index + all.length), depth);
    const here = values.length === 0 ? [all] : values.flatMap((value) => this.expand(value, depth + 1));
    return here.flatMap((value) => after.map((rest) => before + value + rest)).slice(0, LIMIT);
  }
}

/** What a command prints is not known, nor what a variable makes of itself; empty is what a script has before it knows. */
function isUnknown(value: string, name: string): boolean {
  return value === '' || /\$\((?:[^)\s$]|\$(?!\())*\s|`/.test(value) || new RegExp(`\\$[{(]?${name}\\b`).test(value);
}
