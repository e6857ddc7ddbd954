/**
 * Converts YAML that only Go's library accepts into equivalent strict YAML; other text is unchanged. The library is
 * more lenient than the specification: lines in brackets or quotes may start anywhere (also with a tab), and a comment
 * may follow a quote directly. Indentation in brackets or quotes has no meaning (YAML 1.2.2, 6.5 and 7.4), so these
 * lines can be indented further.
 */
export function toStrictYaml(text: string): string {
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
    const isContinued = depth > 0 || quote !== '';
    const scanned = scanLine(isContinued ? line.trimStart() : line, depth, quote);
    out.push(isContinued && scanned.text !== '' ? DEEP_INDENT + scanned.text : scanned.text);
    ({ depth, quote } = scanned);
    if (depth === 0 && quote === '' && BLOCK_SCALAR.test(scanned.text.trimEnd()))
      scalarIndent = blockIndent(scanned.text);
  }
  return out.join('\n');
}

/** Deeper than any parent node in a manifest. */
const DEEP_INDENT = ' '.repeat(120);

/** Line that ends with the header of a block scalar. The text after it is not syntax. */
const BLOCK_SCALAR = /(?:^|[\s:-])[|>][+-]?\d?[+-]?(?:\s+#|$)/;

/** Returns the indentation of the parent of a block scalar, after the dashes of list items. */
function blockIndent(line: string): number {
  const dashes = /^ *(?:- +)*/.exec(line)?.[0] ?? '';
  const isEntry = /^ *(?:- +)*[|>]/.test(line);
  return isEntry ? dashes.replace(/- +$/, '').length : dashes.length;
}

/** Scans a line: inserts a space between a closing quote and a comment, and returns what is open at its end. */
function scanLine(line: string, openDepth: number, openQuote: string): { text: string; depth: number; quote: string } {
  let depth = openDepth;
  let quote = openQuote;
  let text = '';
  // Tracked separately: reading the end of the concatenated text would flatten it each time.
  let isSpaced = false;
  for (let index = 0; index < line.length; index++) {
    const char = line[index] as string;
    text += char;
    if (quote !== '') {
      if (char === '\\' && quote === '"') text += line[++index] ?? '';
      else if (char === quote && quote === "'" && line[index + 1] === "'") text += line[++index];
      else if (char === quote) {
        quote = '';
        isSpaced = line[index + 1] === '#';
        if (isSpaced) text += ' ';
      }
      continue;
    }
    const isComment = char === '#' && (index === 0 || isSpaced || /\s/.test(line[index - 1] as string));
    isSpaced = false;
    if (isComment) return { text: text + line.slice(index + 1), depth, quote };
    // Quotes and brackets are syntax where a value or key may start; inside brackets, brackets always are.
    if ((char === '"' || char === "'") && mayBegin(line, index, depth)) quote = char;
    else if ((char === '[' || char === '{') && (depth > 0 || mayBegin(line, index, depth))) depth++;
    else if ((char === ']' || char === '}') && depth > 0) depth--;
  }
  return { text, depth, quote };
}

/** Reports whether a value or key may start at an offset of a line. */
function mayBegin(line: string, index: number, depth: number): boolean {
  if (depth === 0 && index > 0 && !/\s/.test(line[index - 1] as string)) return false;
  let end = index;
  while (end > 0 && /\s/.test(line[end - 1] as string)) end -= 1;
  if (end === 0 || line[end - 1] === ':') return true;
  if (depth > 0) return '[{,'.includes(line[end - 1] as string);
  let start = end;
  while (start > 0 && !/\s/.test(line[start - 1] as string)) start -= 1;
  return /^(?:-|!\S*|&\S+)$/.test(line.slice(start, end));
}
