/**
 * Kubernetes reads YAML with a Go library that is looser than the specification: lines within brackets or quotes may
 * begin anywhere (also with a tab), and a comment may follow a quote at once. This writes such text so that a strict
 * reader takes it for the same; other text stays as it is. A line within brackets or quotes has no indentation that
 * means anything (YAML 1.2.2, 6.5 and 7.4), so it can be moved to the right.
 */
export function strictly(text: string): string {
  const out: string[] = [];
  let depth = 0;
  let quote = '';
  let scalarIndent = -1;
  for (const line of text.split('\n')) {
    const indent = line.search(/[^ ]/);
    if (depth === 0 && quote === '' && scalarIndent >= 0) {
      if (indent < 0 || indent > scalarIndent || line.trim() === '') {
        out.push(line);
        continue;
      }
      scalarIndent = -1;
    }
    const inside = depth > 0 || quote !== '';
    const scanned = scan(inside ? line.trimStart() : line, depth, quote);
    out.push(inside && scanned.text !== '' ? FAR + scanned.text : scanned.text);
    ({ depth, quote } = scanned);
    if (depth === 0 && quote === '' && BLOCK_SCALAR.test(scanned.text.trimEnd()))
      scalarIndent = blockIndent(scanned.text);
  }
  return out.join('\n');
}

/** Farther to the right than any parent of a manifest. */
const FAR = ' '.repeat(120);

/** A line that ends with the head of a block scalar: its text follows, and is nobody's syntax. */
const BLOCK_SCALAR = /(?:^|[\s:-])[|>][+-]?\d?[+-]?(?:\s+#|$)/;

/** Where the parent of a block scalar stands: behind the dashes of a list's entry. */
function blockIndent(line: string): number {
  const dashes = /^ *(?:- +)*/.exec(line)?.[0] ?? '';
  const isEntry = /^ *(?:- +)*[|>]/.test(line);
  return isEntry ? dashes.replace(/- +$/, '').length : dashes.length;
}

/** One line, with a blank between a quote's end and a comment; and what is open at its end. */
function scan(line: string, openDepth: number, openQuote: string): { text: string; depth: number; quote: string } {
  let depth = openDepth;
  let quote = openQuote;
  let text = '';
  // Of what is written so far: a look at it would make one text of it, each time anew.
  let isSpaced = false;
  for (let at = 0; at < line.length; at++) {
    const char = line[at] as string;
    text += char;
    if (quote !== '') {
      if (char === '\\' && quote === '"') text += line[++at] ?? '';
      else if (char === quote && quote === "'" && line[at + 1] === "'") text += line[++at];
      else if (char === quote) {
        quote = '';
        isSpaced = line[at + 1] === '#';
        if (isSpaced) text += ' ';
      }
      continue;
    }
    const isComment = char === '#' && (at === 0 || isSpaced || /\s/.test(line[at - 1] as string));
    isSpaced = false;
    if (isComment) return { text: text + line.slice(at + 1), depth, quote };
    // Quotes and brackets are syntax where a value or a key begins, and brackets everywhere within brackets.
    if ((char === '"' || char === "'") && mayBegin(line, at, depth)) quote = char;
    else if ((char === '[' || char === '{') && (depth > 0 || mayBegin(line, at, depth))) depth++;
    else if ((char === ']' || char === '}') && depth > 0) depth--;
  }
  return { text, depth, quote };
}

/** Whether a value or a key may begin at an offset of a line. */
function mayBegin(line: string, at: number, depth: number): boolean {
  if (depth === 0 && at > 0 && !/\s/.test(line[at - 1] as string)) return false;
  let end = at;
  while (end > 0 && /\s/.test(line[end - 1] as string)) end -= 1;
  if (end === 0 || line[end - 1] === ':') return true;
  if (depth > 0) return '[{,'.includes(line[end - 1] as string);
  let start = end;
  while (start > 0 && !/\s/.test(line[start - 1] as string)) start -= 1;
  return /^(?:-|!\S*|&\S+)$/.test(line.slice(start, end));
}
