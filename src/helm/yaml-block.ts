/**
 * Reads values of a YAML document by indentation, without parsing: CRDs are long, and only one field is needed. Finds
 * block style only; callers parse the document if nothing is found.
 */

/**
 * Returns the lines below a key of a block mapping; undefined if the key is missing or its value is on the same line.
 */
export function blockUnder(block: string, key: string): string | undefined {
  const indent = indentOf(block);
  const spellings = [`${key}:`, `"${key}":`, `'${key}':`].map((text) => indent + text);
  const lines = block.split('\n');
  const index = lines.findIndex((line) => spellings.some((text) => line.trimEnd() === text));
  if (index < 0) return undefined;
  const isBlockEnd = (line: string): boolean => {
    const depth = line.search(/\S/);
    if (depth < 0) return false;
    // List items may have the same indentation as their key.
    return depth < indent.length || (depth === indent.length && !/^-(?: |$)/.test(line.slice(depth)));
  };
  const end = lines.findIndex((line, i) => i > index && isBlockEnd(line));
  const inner = lines.slice(index + 1, end < 0 ? undefined : end);
  return inner.some((line) => line.trim() !== '') ? inner.join('\n') : undefined;
}

/** Returns the items of a block list, each as a block. */
export function blockItems(block: string): string[] {
  const indent = indentOf(block);
  const items: string[][] = [];
  for (const line of block.split('\n')) {
    if (line.startsWith(`${indent}- `)) items.push([`${indent}  ${line.slice(indent.length + 2)}`]);
    else items.at(-1)?.push(line);
  }
  return items.map((lines) => lines.join('\n'));
}

/** Returns the text on the line of a key of a block mapping, without quotes. */
export function inlineValueOf(block: string, key: string): string | undefined {
  const start = `${indentOf(block)}${key}: `;
  const line = block.split('\n').find((candidate) => candidate.startsWith(start));
  return line
    ?.slice(start.length)
    .trim()
    .replace(/^(["'])(.*)\1$/, '$2');
}

function indentOf(block: string): string {
  return /^( *)\S/m.exec(block)?.[1] ?? '';
}
