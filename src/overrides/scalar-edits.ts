import { type Document, isAlias, isMap, isScalar, isSeq, type Node } from 'yaml';
import { before } from '../base/text-ends.ts';
import { readYamlDocument, readYamlDocuments } from '../base/yaml-read.ts';
import { withLineFeeds } from '../helm/go-yaml.ts';
import { strictly } from '../helm/lenient-yaml.ts';
import { keysOf } from '../influence/scalar.ts';
import type { PostRenderEntry } from './post-render-map.ts';
import { type Span, spellingOf, textOf } from './spelling.ts';
import { applyEdits, type Edit, editsFor } from './text-edits.ts';

/** Entry with the remaining steps to its text (`yaml:a.b`, `base64`, `line 3`), outermost first. */
interface Errand {
  readonly entry: PostRenderEntry;
  readonly steps: readonly string[];
}

/** Pending entry in a YAML document, with the path of its field. */
interface TreeErrand extends Errand {
  readonly path: string;
}

/** Edit of a text, with the entries that it implements. */
interface Done extends Edit {
  readonly entries: readonly PostRenderEntry[];
}

/** Kubernetes resolves merge keys (`<<`). */
export const OPTIONS = { merge: true } as const;

/**
 * Returns the edits of a manifest for entries with a path. Only the text at the path is edited, in its source form:
 * quotes, folding, comments and the surrounding text are kept.
 */
export function manifestEdits(manifest: string, entries: readonly PostRenderEntry[]): Done[] {
  const lines = withLineFeeds(manifest);
  const document = readYamlDocument(lines, OPTIONS);
  if (document.errors.length === 0) return editsOf(document, lines, entries);
  // Kubernetes accepts some invalid YAML. The normalized text differs from it in white space only.
  const strict = strictly(lines);
  const read = readYamlDocument(strict, OPTIONS);
  if (read.errors.length > 0) return [];
  return editsOf(read, strict, entries).map((done) => ({ ...done, ...sameSpot(strict, manifest, done) }));
}

function editsOf(document: Document, text: string, entries: readonly PostRenderEntry[]): Done[] {
  const kind = isMap(document.contents) ? (document.contents.get('kind') ?? '') : '';
  const errands = entries.flatMap((entry): TreeErrand[] => {
    if (entry.path === undefined || entry.kind !== kind) return [];
    return [{ entry, path: entry.path, steps: entry.within?.split(' > ') ?? [] }];
  });
  return inTree(document, text, errands);
}

function inTree(document: Document, text: string, errands: readonly TreeErrand[]): Done[] {
  return [...Map.groupBy(errands, ({ path }) => path)].flatMap(([path, group]) => {
    const node = nodeAt(document, keysOf(path));
    const spelling = isScalar(node) ? spellingOf(text, node) : undefined;
    if (!isScalar(node) || spelling === undefined) return [];
    return inText(textOf(node), group).map((done) => ({ ...done, ...spelling(done) }));
  });
}

function inText(text: string, errands: readonly Errand[]): Done[] {
  const kindOf = ({ steps: [step = ''] }: Errand): string => (step.includes(':') ? `${before(step, ':')}:` : step);
  return [...Map.groupBy(errands, kindOf)].flatMap(([step, group]) => {
    if (step === '') return group.flatMap(({ entry }) => plainEdits(text, entry));
    if (step.endsWith(':')) return inYaml(text, Number(/\d+/.exec(step)?.[0] ?? 0), group);
    const onward = group.map(({ entry, steps }) => ({ entry, steps: steps.slice(1) }));
    return step === 'base64' ? inBase64(text, onward) : inLine(text, step, onward);
  });
}

function plainEdits(text: string, entry: PostRenderEntry): Done[] {
  return editsFor(text, entry).map((edit) => ({ ...edit, entries: [entry] }));
}

/** Edits text that is itself YAML or JSON; the first step of each entry holds the path within it. */
function inYaml(text: string, position: number, errands: readonly Errand[]): Done[] {
  const document = readYamlDocuments(text, OPTIONS)[position];
  if (document === undefined || document.errors.length > 0) return [];
  const inside = errands.map(({ entry, steps: [step = '', ...steps] }) => {
    return { entry, path: step.slice(step.indexOf(':') + 1), steps };
  });
  return inTree(document, text, inside);
}

/** Encodes the whole text again: base64 maps 3 bytes to 4 characters, so one changed byte can shift all that follow. */
function inBase64(text: string, errands: readonly Errand[]): Done[] {
  const start = text.search(/\S/);
  const end = text.trimEnd().length;
  const plain = Buffer.from(text, 'base64').toString('utf8');
  const edits = inText(plain, errands);
  if (edits.length === 0) return [];
  const encoded = Buffer.from(applyEdits(plain, edits)).toString('base64');
  return [{ start, end, text: encoded, entries: [...new Set(edits.flatMap(({ entries }) => entries))] }];
}

/** Base64 among other words. */
const BASE64 = /[A-Za-z0-9+/]{16,}={0,2}/g;

/** Edits one line of a text (`line 3`, `line 3 word 2`), or a single-line text (`word 2`). */
function inLine(text: string, step: string, errands: readonly Errand[]): Done[] {
  const lines = text.split('\n');
  const number = Number(/^line (\d+)/.exec(step)?.[1] ?? 1);
  const line = step.startsWith('line') ? lines[number - 1] : text;
  if (line === undefined) return [];
  const offset = lines.slice(0, number - 1).reduce((sum, { length }) => sum + length + 1, 0);
  const last = errands.filter(({ steps }) => steps.length === 0);
  const deeper = errands.filter(({ steps }) => steps.length > 0);
  const inBlobs = [...(deeper.length === 0 ? [] : line.matchAll(BASE64))].flatMap(({ 0: blob, index }) =>
    inText(blob, deeper).map((done) => moved(done, index)),
  );
  return [...last.flatMap(({ entry }) => plainEdits(line, entry)), ...inBlobs].map((done) => moved(done, offset));
}

function moved(done: Done, by: number): Done {
  return { ...done, start: done.start + by, end: done.end + by };
}

/**
 * Returns the node at a path as Kubernetes reads it: the last of duplicate keys, aliases resolved, own keys before
 * merged ones.
 */
export function nodeAt(document: Document, keys: readonly string[]): Node | undefined {
  let node = followed(document, document.contents);
  for (const key of keys) {
    node = followed(document, isSeq(node) ? node.items[Number(key)] : entryOf(document, node, key));
  }
  return node;
}

/** Resolves an alias to its anchor's node, where the text is written. */
function followed(document: Document, node: unknown): Node | undefined {
  return isAlias(node) ? (node.resolve(document) as Node | undefined) : ((node ?? undefined) as Node | undefined);
}

function entryOf(document: Document, node: Node | undefined, key: string): unknown {
  if (!isMap(node)) return undefined;
  const valueUnder = (name: string): unknown =>
    node.items.findLast(({ key: own }) => isScalar(own) && textOf(own) === name)?.value;
  const own = valueUnder(key);
  if (own !== undefined) return own;
  const merged = followed(document, valueUnder('<<'));
  const sources = isSeq(merged) ? merged.items.map((item) => followed(document, item)) : [merged];
  return sources.map((source) => entryOf(document, source, key)).find((value) => value !== undefined);
}

/** Maps a span to the original text, which has the same lines and differs in white space only. */
function sameSpot(strict: string, loose: string, { start, end }: Span): Span {
  const spot = (at: number): number => {
    const before = strict.slice(0, at);
    const lineStart = before.lastIndexOf('\n') + 1;
    const line = before.split('\n').length - 1;
    let letters = before.slice(lineStart).replace(/\s/g, '').length;
    let offset = loose.split('\n').slice(0, line).join('\n').length + (line > 0 ? 1 : 0);
    for (; letters > 0; offset++) if (/\S/.test(loose[offset] ?? 'x')) letters -= 1;
    return offset;
  };
  // Starts at the first letter, to skip white space before it.
  return { start: spot(start + 1) - 1, end: spot(end) };
}
