import { type Document, isAlias, isMap, isScalar, isSeq, type Node } from 'yaml';
import { BASE64_IN_TEXT } from '../../base/base64.ts';
import { type KeyPath, parseFieldPath } from '../../base/field-path.ts';
import { type Span, scalarText, sourceMapper } from '../../base/scalar-source.ts';
import { applyEdits, type TextEdit } from '../../base/text-edits.ts';
import { textBefore } from '../../base/text-trim.ts';
import { readYamlDocument, readYamlDocuments } from '../../base/yaml-read.ts';
import { withLineFeeds } from '../../helm/go-yaml.ts';
import { toStrictYaml } from '../../helm/lenient-yaml.ts';
import type { PostRenderEntry } from './post-render-map.ts';
import { replacementEdits } from './replacement-edits.ts';

/** Entry with the remaining steps to its text (`yaml:a.b`, `base64`, `line 3`), outermost first. */
interface PendingEntry {
  readonly entry: PostRenderEntry;
  readonly steps: readonly string[];
}

/** Pending entry in a YAML document, with the path of its field. */
interface PendingFieldEntry extends PendingEntry {
  readonly path: string;
}

/** Edit of a text, with the entries that it implements. */
interface EntryEdit extends TextEdit {
  readonly entries: readonly PostRenderEntry[];
}

/** Kubernetes resolves merge keys (`<<`). */
export const YAML_OPTIONS = { merge: true } as const;

/**
 * Returns the edits of a manifest for entries with a path. Only the text at the path is edited, in its source form:
 * quotes, folding, comments and the surrounding text are kept.
 */
export function manifestEdits(manifest: string, entries: readonly PostRenderEntry[]): EntryEdit[] {
  const lines = withLineFeeds(manifest);
  const document = readYamlDocument(lines, YAML_OPTIONS);
  if (document.errors.length === 0) return documentEdits(document, lines, entries);
  // Kubernetes accepts some invalid YAML. The normalized text differs from it in white space only.
  const normalized = toStrictYaml(lines);
  const normalizedDocument = readYamlDocument(normalized, YAML_OPTIONS);
  if (normalizedDocument.errors.length > 0) return [];
  return documentEdits(normalizedDocument, normalized, entries).map((edit) => ({
    ...edit,
    ...spanInOriginal(normalized, manifest, edit),
  }));
}

function documentEdits(document: Document, text: string, entries: readonly PostRenderEntry[]): EntryEdit[] {
  const kind = isMap(document.contents) ? (document.contents.get('kind') ?? '') : '';
  const pending = entries.flatMap((entry): PendingFieldEntry[] => {
    if (entry.path === undefined || entry.kind !== kind) return [];
    return [{ entry, path: entry.path, steps: entry.within?.split(' > ') ?? [] }];
  });
  return treeEdits(document, text, pending);
}

function treeEdits(document: Document, text: string, pending: readonly PendingFieldEntry[]): EntryEdit[] {
  return [...Map.groupBy(pending, ({ path }) => path)].flatMap(([path, group]) => {
    const node = nodeAt(document, parseFieldPath(path));
    const toSource = isScalar(node) ? sourceMapper(text, node) : undefined;
    if (!isScalar(node) || toSource === undefined) return [];
    return textEdits(scalarText(node), group).map((edit) => ({ ...edit, ...toSource(edit) }));
  });
}

function textEdits(text: string, pending: readonly PendingEntry[]): EntryEdit[] {
  const stepType = ({ steps: [step = ''] }: PendingEntry): string =>
    step.includes(':') ? `${textBefore(step, ':')}:` : step;
  return [...Map.groupBy(pending, stepType)].flatMap(([step, group]) => {
    if (step === '') return group.flatMap(({ entry }) => plainEdits(text, entry));
    if (step.endsWith(':')) return yamlEdits(text, Number(/\d+/.exec(step)?.[0] ?? 0), group);
    const remaining = group.map(({ entry, steps }) => ({ entry, steps: steps.slice(1) }));
    return step === 'base64' ? base64Edits(text, remaining) : lineEdits(text, step, remaining);
  });
}

function plainEdits(text: string, entry: PostRenderEntry): EntryEdit[] {
  return replacementEdits(text, entry).map((edit) => ({ ...edit, entries: [entry] }));
}

/** Edits text that is itself YAML or JSON; the first step of each entry holds the path within it. */
function yamlEdits(text: string, position: number, pending: readonly PendingEntry[]): EntryEdit[] {
  const document = readYamlDocuments(text, YAML_OPTIONS)[position];
  if (document === undefined || document.errors.length > 0) return [];
  const nested = pending.map(({ entry, steps: [step = '', ...steps] }) => {
    return { entry, path: step.slice(step.indexOf(':') + 1), steps };
  });
  return treeEdits(document, text, nested);
}

/** Encodes the whole text again: base64 maps 3 bytes to 4 characters, so one changed byte can shift all that follow. */
function base64Edits(text: string, pending: readonly PendingEntry[]): EntryEdit[] {
  const start = text.search(/\S/);
  const end = text.trimEnd().length;
  const plain = Buffer.from(text, 'base64').toString('utf8');
  const edits = textEdits(plain, pending);
  if (edits.length === 0) return [];
  const encoded = Buffer.from(applyEdits(plain, edits)).toString('base64');
  return [{ start, end, text: encoded, entries: [...new Set(edits.flatMap(({ entries }) => entries))] }];
}

/** Edits one line of a text (`line 3`, `line 3 word 2`), or a single-line text (`word 2`). */
function lineEdits(text: string, step: string, pending: readonly PendingEntry[]): EntryEdit[] {
  const lines = text.split('\n');
  const lineNumber = Number(/^line (\d+)/.exec(step)?.[1] ?? 1);
  const line = step.startsWith('line') ? lines[lineNumber - 1] : text;
  if (line === undefined) return [];
  const offset = lines.slice(0, lineNumber - 1).reduce((sum, { length }) => sum + length + 1, 0);
  const lineEntries = pending.filter(({ steps }) => steps.length === 0);
  const nestedEntries = pending.filter(({ steps }) => steps.length > 0);
  const base64LineEdits = [...(nestedEntries.length === 0 ? [] : line.matchAll(BASE64_IN_TEXT))].flatMap(
    ({ 0: blob, index }) => textEdits(blob, nestedEntries).map((edit) => shifted(edit, index)),
  );
  return [...lineEntries.flatMap(({ entry }) => plainEdits(line, entry)), ...base64LineEdits].map((edit) =>
    shifted(edit, offset),
  );
}

function shifted(edit: EntryEdit, offset: number): EntryEdit {
  return { ...edit, start: edit.start + offset, end: edit.end + offset };
}

/**
 * Returns the node at a path as Kubernetes reads it: the last of duplicate keys, aliases resolved, own keys before
 * merged ones.
 */
export function nodeAt(document: Document, keys: KeyPath): Node | undefined {
  let node = resolveAlias(document, document.contents);
  for (const key of keys) {
    node = resolveAlias(document, isSeq(node) ? node.items[Number(key)] : mapValue(document, node, String(key)));
  }
  return node;
}

/** Resolves an alias to its anchor's node, where the text is written. */
function resolveAlias(document: Document, node: unknown): Node | undefined {
  return isAlias(node) ? (node.resolve(document) as Node | undefined) : ((node ?? undefined) as Node | undefined);
}

function mapValue(document: Document, node: Node | undefined, key: string): unknown {
  if (!isMap(node)) return undefined;
  const valueOfKey = (name: string): unknown =>
    node.items.findLast(({ key: ownValue }) => isScalar(ownValue) && scalarText(ownValue) === name)?.value;
  const ownValue = valueOfKey(key);
  if (ownValue !== undefined) return ownValue;
  const merged = resolveAlias(document, valueOfKey('<<'));
  const sources = isSeq(merged) ? merged.items.map((item) => resolveAlias(document, item)) : [merged];
  return sources.map((source) => mapValue(document, source, key)).find((value) => value !== undefined);
}

/** Maps a span to the original text, which has the same lines and differs in white space only. */
function spanInOriginal(normalized: string, original: string, { start, end }: Span): Span {
  const originalOffset = (normalizedOffset: number): number => {
    const before = normalized.slice(0, normalizedOffset);
    const lineStart = before.lastIndexOf('\n') + 1;
    const line = before.split('\n').length - 1;
    let letters = before.slice(lineStart).replace(/\s/g, '').length;
    let offset = original.split('\n').slice(0, line).join('\n').length + (line > 0 ? 1 : 0);
    for (; letters > 0; offset++) if (/\S/.test(original[offset] ?? 'x')) letters -= 1;
    return offset;
  };
  // Starts at the first letter, to skip white space before it.
  return { start: originalOffset(start + 1) - 1, end: originalOffset(end) };
}
