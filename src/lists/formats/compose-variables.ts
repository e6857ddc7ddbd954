import type { Variables } from '../content.ts';

/** Nesting of defaults in defaults, and length of a filled text: no image is that long. */
const [MAX_DEPTH, MAX_LENGTH] = [10, 10_000];

export interface Interpolation {
  readonly text: string;
  /** Variables that have neither a value nor a default, and expressions that are not understood. */
  readonly unknown: readonly string[];
}

/**
 * Fills in the variables of a Compose file: `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME-default}`, `${NAME:?error}`,
 * `${NAME:+other}`, and defaults with variables; `$$` is a dollar sign. Linear in the text.
 */
export function interpolate(text: string, variables: Variables): Interpolation {
  const unknown = new Set<string>();
  const filled = fill(text, variables, unknown, 0);
  if (filled.length > MAX_LENGTH) unknown.add(text.slice(0, 50));
  return { text: filled, unknown: [...unknown] };
}

function fill(text: string, variables: Variables, unknown: Set<string>, depth: number): string {
  let filled = '';
  for (let at = 0; at < text.length; ) {
    const next = text.indexOf('$', at);
    filled += text.slice(at, next < 0 ? undefined : next);
    if (next < 0) break;
    const [, name] = /^\$([A-Za-z_][A-Za-z0-9_]*)/.exec(text.slice(next, next + 200)) ?? [];
    if (text[next + 1] === '$') {
      filled += '$';
      at = next + 2;
    } else if (name !== undefined) {
      filled += variables.get(name) ?? report(name, unknown);
      at = next + 1 + name.length;
    } else {
      const end = text[next + 1] === '{' ? closing(text, next + 2) : -1;
      const expression = text.slice(next + 2, end < 0 ? undefined : end);
      filled +=
        end < 0 || depth > MAX_DEPTH
          ? report(text.slice(next, next + 50), unknown)
          : braced(expression, variables, unknown, depth);
      at = end < 0 ? text.length : end + 1;
    }
  }
  return filled;
}

/** Returns the position of the brace that closes an expression; -1 if there is none. */
function closing(text: string, from: number): number {
  let depth = 1;
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === '{' && text[at - 1] === '$') depth += 1;
    else if (text[at] === '}') depth -= 1;
    if (depth === 0) return at;
  }
  return -1;
}

function braced(expression: string, variables: Variables, unknown: Set<string>, depth: number): string {
  const [, name = '', operator = '', operand = ''] =
    /^([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-?+])([\s\S]*))?$/.exec(expression) ?? [];
  if (name === '') return report(expression.slice(0, 50), unknown);
  const value = variables.get(name);
  // With a colon, an empty value counts as none.
  const isSet = value !== undefined && (value !== '' || !operator.startsWith(':'));
  if (operator.endsWith('+')) return isSet ? fill(operand, variables, unknown, depth + 1) : '';
  if (isSet) return value;
  return operator.endsWith('-') ? fill(operand, variables, unknown, depth + 1) : report(name, unknown);
}

function report(name: string, unknown: Set<string>): string {
  unknown.add(name);
  return '';
}
