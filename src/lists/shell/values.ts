import type { Variables } from '../content.ts';
import type { Assignment } from './script.ts';
import type { Part, VariablePart } from './words.ts';

/** Length of all expansions of a script together: variables may double each other. */
const MAX_EXPANDED = 16 * 2 ** 20;

/** A line of an expanded word. */
export interface ExpandedLine {
  readonly text: string;
  readonly line: number;
}

/** What a word means. */
export interface Expansion {
  readonly lines: readonly ExpandedLine[];
  /** Source of the expansions that are not known, and why. */
  readonly unknown: readonly Unknown[];
  /** True if an unquoted expansion may have several words. */
  readonly isSplit: boolean;
}

export interface Unknown {
  readonly source: string;
  readonly reason: string;
  /** Name of a variable that can be given. */
  readonly name?: string;
}

type Value = { readonly text: string; readonly line: number } | Unknown;

/** Variables of a script as far as they are known, up to the assignment that was read last. */
export class Values {
  readonly #given: Variables;
  readonly #values = new Map<string, Value>();
  readonly #arrays = new Map<string, string[]>();
  #expanded = 0;

  /** @param given values that take precedence over those of the script */
  constructor(given: Variables) {
    this.#given = given;
  }

  /** Takes an assignment of a text. */
  assign({ name, line, isAppended, isConditional, value = [] }: Assignment): void {
    const { lines, unknown } = this.expand(value);
    const old = this.#values.get(name);
    const [reason] = unknown;
    const oldText = old !== undefined && 'text' in old ? old.text : undefined;
    if (reason !== undefined) {
      // The fallback of an earlier assignment stays: VERSION=$(...) || VERSION=1.2.3.
      if (old === undefined || !isConditional) this.#values.set(name, reason);
      return;
    }
    const text = `${isAppended ? (oldText ?? '') : ''}${lines.map(({ text }) => text).join('\n')}`;
    if (isConditional && !isAppended && oldText !== undefined && oldText !== text) {
      const places = old !== undefined && 'line' in old ? `lines ${old.line} and ${line}` : `line ${line}`;
      this.#values.set(name, { source: `$${name}`, reason: `has several values (${places})`, name });
    } else if (old === undefined || 'text' in old || !isConditional) this.#values.set(name, { text, line });
  }

  /** Adds elements to an array, for `"${NAME[@]}"`. */
  append(name: string, texts: readonly string[]): void {
    const elements = this.#arrays.get(name) ?? [];
    // Not all at once: an array may have more elements than a call may have arguments.
    for (const text of texts) elements.push(text);
    this.#arrays.set(name, elements);
  }

  expand(parts: readonly Part[]): Expansion {
    const lines: { text: string; line: number }[] = [];
    const unknown: Unknown[] = [];
    let isSplit = false;
    const add = (text: string, line: number, isLiteral: boolean): void => {
      for (const [i, piece] of text.split('\n').entries()) {
        const last = lines.at(-1);
        if (i === 0 && last !== undefined) {
          if (last.text === '') last.line = line;
          last.text += piece;
        } else lines.push({ text: piece, line: isLiteral ? line + i : line });
      }
    };
    for (const part of parts) {
      if (part.kind === 'text') add(part.text, part.line, true);
      else if (part.kind === 'unknown')
        unknown.push({ source: part.source, reason: 'is known only when the script runs' });
      else {
        const value = this.#valueOf(part);
        if (typeof value !== 'string') unknown.push(value);
        else {
          add(value, part.line, false);
          isSplit ||= (!part.isQuoted || part.operator === '[@]') && /\s/.test(value);
        }
      }
    }
    return { lines, unknown, isSplit };
  }

  #valueOf({ name, operator, operand, source }: VariablePart): string | Unknown {
    if (operator === '[@]') {
      const elements = this.#arrays.get(name);
      return elements === undefined
        ? { source, reason: 'is an array that is not known' }
        : this.#limited(elements.join('\n'), source);
    }
    const value = this.#given.get(name) ?? this.#values.get(name);
    const text = typeof value === 'object' ? ('text' in value ? value.text : undefined) : value;
    // With a colon, an empty value counts as none.
    const isSet = text !== undefined && (text !== '' || !operator.startsWith(':'));
    if (operator.endsWith('+')) return isSet ? this.#operand(operand, source) : '';
    if (isSet) return this.#limited(text, source);
    if (/[-=]$/.test(operator)) return this.#operand(operand, source);
    if (typeof value === 'object' && 'reason' in value) return { ...value, source, name };
    return /^[A-Za-z_]/.test(name)
      ? { source, reason: 'has no value in the script', name }
      : { source, reason: 'is known only when the script runs' };
  }

  #operand(operand: readonly Part[], source: string): string | Unknown {
    const { lines, unknown } = this.expand(operand);
    return unknown[0] ?? this.#limited(lines.map(({ text }) => text).join('\n'), source);
  }

  #limited(text: string, source: string): string | Unknown {
    this.#expanded += text.length;
    return this.#expanded > MAX_EXPANDED ? { source, reason: 'makes the lists too long' } : text;
  }
}
