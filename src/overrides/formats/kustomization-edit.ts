import { isMap, isScalar, type Node, Scalar } from 'yaml';
import { AirgapError } from '../../base/errors.ts';
import { asMapping } from '../../base/mapping.ts';
import { applyEdits, type TextEdit } from '../../base/text-edits.ts';
import { readYaml } from '../../base/yaml-read.ts';
import { yamlText } from '../../base/yaml-text.ts';
import {
  ENTRY_FIELDS,
  type EntryField,
  type ExistingEntry,
  type ImageEntry,
  type KustomizationFile,
  readKustomization,
} from './kustomization-file.ts';

/** A change of `images`: an entry's fields, where one that is undefined is removed; or a new entry. */
export type EntryChange =
  | { readonly entry: ExistingEntry; readonly set: Omit<ImageEntry, 'name'> }
  | { readonly add: ImageEntry };

/**
 * Changes `images` in the text of a kustomization. Everything else stays: comments, order, quotes, indentation, line ends.
 * @returns the same text if there is nothing to change
 * @throws AirgapError `config` with file and line if a change would lose something
 */
export function editImages(file: KustomizationFile, changes: readonly EntryChange[]): string {
  const added = changes.flatMap((change) => ('add' in change ? [change.add] : []));
  const edits = changes.flatMap((change) => ('add' in change ? [] : entryEdits(file, change.entry, change.set)));
  if (added.length > 0) edits.push(...additionEdits(file, added));
  if (edits.length === 0) return file.text;
  const text = applyEdits(file.text, edits);
  checkResult(file, text, changes);
  return text;
}

function entryEdits(file: KustomizationFile, entry: ExistingEntry, set: Omit<ImageEntry, 'name'>): TextEdit[] {
  const edits: TextEdit[] = [];
  const inserted = new Map<EntryField, EntryField[]>();
  let before: EntryField = 'name';
  for (const field of ENTRY_FIELDS) {
    const pair = entry.fields.get(field);
    const value = field === 'name' ? entry.name : set[field];
    if (pair !== undefined && value === undefined) edits.push(removal(file, entry, field));
    if (value === undefined) continue;
    if (pair !== undefined) before = field;
    if (pair === undefined) inserted.set(before, [...(inserted.get(before) ?? []), field]);
    else if (pair.value.value !== value)
      edits.push({ ...spanOf(pair.value), text: scalarText(value, pair.value.type) });
  }
  for (const [after, fields] of inserted) {
    const { key, value } = entry.fields.get(after) as NonNullable<ReturnType<typeof entry.fields.get>>;
    const isJson = isDoubleQuoted(key);
    const pairs = fields.map((field) => pairText(field, set[field as 'newName'] ?? '', isJson));
    const { end } = spanOf(value);
    const indent = ' '.repeat(columnOf(file, key));
    if (entry.map.flow) edits.push({ start: end, end, text: pairs.map((pair) => `, ${pair}`).join('') });
    else
      edits.push(
        linesAfter(
          file,
          end,
          pairs.map((pair) => indent + pair),
        ),
      );
  }
  return edits;
}

/** Returns the edit that removes a field. A comment behind it stays. */
function removal(file: KustomizationFile, entry: ExistingEntry, field: EntryField): TextEdit {
  const { text } = file;
  const pairs = [...entry.fields.values()];
  const pair = entry.fields.get(field) as (typeof pairs)[number];
  const position = pairs.indexOf(pair);
  const [keySpan, valueSpan] = [spanOf(pair.key), spanOf(pair.value)];
  const next = pairs[position + 1];
  const previous = pairs[position - 1];
  if (!entry.map.flow && previous !== undefined) {
    const lineStart = text.lastIndexOf('\n', keySpan.start) + 1;
    const lineEnd = endOfLine(text, valueSpan.end);
    const rest = text.slice(valueSpan.end, lineEnd).trim();
    if (rest === '') return { start: lineStart, end: lineEnd, text: '' };
    return { start: keySpan.start, end: valueSpan.end + text.slice(valueSpan.end).search(/\S/), text: '' };
  }
  const start = previous !== undefined ? spanOf(previous.value).end : keySpan.start;
  const end = previous !== undefined ? valueSpan.end : next === undefined ? valueSpan.end : spanOf(next.key).start;
  if (/#/.test(text.slice(start, keySpan.start) + text.slice(valueSpan.end, end))) {
    throw refusal(
      file,
      keySpan.start,
      `${field} cannot be removed without its comment`,
      'put name first in this entry',
    );
  }
  return { start, end, text: '' };
}

function additionEdits(file: KustomizationFile, added: readonly ImageEntry[]): TextEdit[] {
  const { text, root, list, imagesPair } = file;
  const [last] = list?.items.slice(-1) ?? [];
  if (list?.flow && last !== undefined) {
    const isJson = isMap(last) && isDoubleQuoted(last.items[0]?.key);
    const { end } = spanOf(last as Node);
    return [{ start: end, end, text: added.map((entry) => `, ${flowEntry(entry, isJson)}`).join('') }];
  }
  if (root.flow) {
    if (list !== undefined) {
      const isJson = isDoubleQuoted(imagesPair?.key);
      return [{ ...spanOf(list), text: `[${added.map((entry) => flowEntry(entry, isJson)).join(', ')}]` }];
    }
    const hint = 'write images: [] into it first, or write the file in block style';
    throw refusal(file, spanOf(root).start, 'images cannot be added to a mapping in braces', hint);
  }
  const { dash, key } = listColumns(file);
  const lines = added.flatMap((entry) => blockEntry(entry, dash, key));
  if (last !== undefined) {
    const lastPair = isMap(last) && !last.flow ? last.items.at(-1) : undefined;
    return [linesAfter(file, spanOf((lastPair?.value ?? last) as Node).end, lines)];
  }
  if (imagesPair === undefined) {
    const marker = /^\.\.\.(?=\s|$)/m.exec(text.slice(spanOf(root).end));
    const at = marker === null ? text.length : spanOf(root).end + marker.index;
    return [linesBefore(file, at, [`${' '.repeat(columnOf(file, root.items[0]?.key as Node))}images:`, ...lines])];
  }
  const keyEnd = spanOf(imagesPair.key as Node).end;
  if (list === undefined) return [linesAfter(file, keyEnd, lines)];
  const { start, end } = spanOf(list);
  const from = keyEnd + text.slice(keyEnd, start).trimEnd().length;
  return [{ start: from, end, text: '' }, linesAfter(file, end, lines)];
}

/** Columns of the dash and of the keys of entries: those of this list, or of other lists in the file, or no indentation. */
function listColumns(file: KustomizationFile): { readonly dash: number; readonly key: number } {
  const { root, list, text } = file;
  const first = list?.items[0] as Node | undefined;
  const items = root.items.map(({ value }) => value as { flow?: boolean; items?: readonly Node[] } | null);
  const sample =
    first ??
    items.find(
      (value) => value?.flow !== true && Array.isArray(value?.items) && value.items[0] && 'range' in value.items[0],
    )?.items?.[0];
  const base = columnOf(file, root.items[0]?.key as Node);
  if (sample === undefined) return { dash: base, key: base + 2 };
  const { start } = spanOf(sample);
  const lineStart = text.lastIndexOf('\n', start - 1) + 1;
  const prefix = /^( *)-( +)$/.exec(text.slice(lineStart, start));
  if (prefix === null) return { dash: base, key: base + 2 };
  const [, indent = '', space = ''] = prefix;
  return { dash: indent.length, key: first === undefined ? indent.length + 2 : indent.length + 1 + space.length };
}

function blockEntry(entry: ImageEntry, dash: number, key: number): string[] {
  return ENTRY_FIELDS.flatMap((field) => {
    const value = entry[field];
    if (value === undefined) return [];
    const indent = field === 'name' ? `${' '.repeat(dash)}-${' '.repeat(key - dash - 1)}` : ' '.repeat(key);
    return [indent + pairText(field, value, false)];
  });
}

function flowEntry(entry: ImageEntry, isJson: boolean): string {
  const pairs = ENTRY_FIELDS.flatMap((field) => {
    const value = entry[field];
    return value === undefined ? [] : [pairText(field, value, isJson)];
  });
  return `{${pairs.join(', ')}}`;
}

function pairText(field: EntryField, value: string, isJson: boolean): string {
  return isJson ? `"${field}": ${JSON.stringify(value)}` : `${field}: ${scalarText(value, Scalar.PLAIN)}`;
}

/** Writes a name, a tag or a digest in the quotes that its predecessor had. A tag such as 1.10 is no text without quotes. */
function scalarText(value: string, type: Scalar.Type | undefined): string {
  if (type === Scalar.QUOTE_DOUBLE) return JSON.stringify(value);
  if (type === Scalar.QUOTE_SINGLE) return `'${value.replaceAll("'", "''")}'`;
  return yamlText(value).trimEnd();
}

/** Returns the edit that puts lines after the line of an offset. */
function linesAfter(file: KustomizationFile, offset: number, lines: readonly string[]): TextEdit {
  return linesBefore(file, endOfLine(file.text, offset), lines);
}

/** Returns the edit that puts lines at the begin of a line, or at the end of the text. */
function linesBefore({ text }: KustomizationFile, at: number, lines: readonly string[]): TextEdit {
  const lineEnd = /\r?\n/.exec(text)?.[0] ?? '\n';
  const isOpen = at > 0 && text[at - 1] !== '\n';
  const joined = lines.join(lineEnd);
  return { start: at, end: at, text: isOpen ? lineEnd + joined : joined + lineEnd };
}

/** Returns the offset behind the line end that follows an offset. */
function endOfLine(text: string, offset: number): number {
  const end = text.indexOf('\n', offset);
  return end < 0 ? text.length : end + 1;
}

function columnOf(file: KustomizationFile, node: Node): number {
  const { start } = spanOf(node);
  const before = file.text.slice(file.text.lastIndexOf('\n', start - 1) + 1, start).replace('\ufeff', '');
  if (!before.includes('\t')) return before.length;
  throw refusal(file, start, 'a tab before an entry of images', 'indent it with spaces');
}

function isDoubleQuoted(key: unknown): boolean {
  return isScalar(key) && key.type === Scalar.QUOTE_DOUBLE;
}

function spanOf(node: Node): { readonly start: number; readonly end: number } {
  const [start, end] = node.range as [number, number, number];
  return { start, end };
}

/** Checks that the new text says what was wanted, and all else as before. */
function checkResult(file: KustomizationFile, text: string, changes: readonly EntryChange[]): void {
  const wanted: ImageEntry[] = file.entries.map((entry) => {
    const change = changes.find((one) => 'entry' in one && one.entry.map === entry.map);
    return change !== undefined && 'entry' in change ? { ...change.set, name: entry.name } : entry;
  });
  wanted.push(...changes.flatMap((change) => ('add' in change ? [change.add] : [])));
  const read = readKustomization(file.path, text).entries;
  const isAsWanted =
    read.length === wanted.length &&
    read.every((entry, i) => ENTRY_FIELDS.every((field) => entry[field] === wanted[i]?.[field]));
  const [before, after] = [withoutImages(file.text), withoutImages(text)];
  if (isAsWanted && before !== undefined && before === after) return;
  const { start } = spanOf((file.imagesPair?.key ?? file.root) as Node);
  throw refusal(
    file,
    start,
    'images cannot be changed without changing something else',
    'write it in block style, one field a line',
  );
}

/** Returns all but the images; undefined if aliases expand to too much. */
function withoutImages(text: string): string | undefined {
  try {
    const { images: _, ...rest } = asMapping(readYaml(text));
    return JSON.stringify(rest);
  } catch {
    return undefined;
  }
}

function refusal({ path, text }: KustomizationFile, offset: number, problem: string, hint: string): AirgapError {
  const line = text.slice(0, offset).split('\n').length;
  return new AirgapError('config', `${path}:${line}: ${problem}`, { hint });
}
