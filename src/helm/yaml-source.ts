import { isDeepStrictEqual } from 'node:util';
import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type Scalar, visit } from 'yaml';
import { type KeyPath, valueAt } from '../base/field-path.ts';
import { isMapping } from '../base/mapping.ts';
import { quoted } from '../base/printable.ts';
import { scalarText, sourceMapper } from '../base/scalar-source.ts';
import { applyEdits, type TextEdit } from '../base/text-edits.ts';
import { readYamlDocuments } from '../base/yaml-read.ts';
import { readManifest, withLineFeeds } from './go-yaml.ts';

/** New value of one scalar of a file. */
export interface ScalarChange {
  readonly keys: KeyPath;
  /** Value as it is now. */
  readonly text: string;
  readonly replacement: string;
}

/** Reason why a scalar is not changed. */
export interface Refusal {
  /** From 1. */
  readonly line: number;
  readonly reason: string;
}

export function isRefusal(result: object): result is Refusal {
  return 'reason' in result;
}

/** Printable ASCII without quotes. */
const PLAIN_TEXT = /^[\x20\x21\x23-\x26\x28-\x7e]*$/;

/**
 * YAML that people wrote, whose scalars are changed at their offsets, so that all other text stays. What cannot be changed so
 * is refused with its line.
 */
export class YamlSource {
  readonly text: string;
  readonly documents: readonly Document.Parsed[];
  /** Reason why nothing in the file can be changed. */
  readonly problem: Refusal | undefined;
  readonly #lines: string;
  #lineStarts: readonly number[] | undefined;
  readonly #aliased: ReadonlySet<string>;

  constructor(text: string) {
    this.text = text;
    this.#lines = withLineFeeds(text);
    this.documents = readYamlDocuments(this.#lines);
    this.problem = this.#problem();
    this.#aliased = new Set(this.documents.flatMap(aliasNames));
  }

  /** Returns the line of an offset, from 1. */
  lineAt(offset: number): number {
    this.#lineStarts ??= [0, ...[...this.text.matchAll(/\n/g)].map(({ index }) => index + 1)];
    let [line, above] = [0, this.#lineStarts.length];
    while (above - line > 1) {
      const middle = (line + above) >>> 1;
      if ((this.#lineStarts[middle] ?? 0) <= offset) line = middle;
      else above = middle;
    }
    return line + 1;
  }

  lineOf(node: Node | null | undefined): number {
    return this.lineAt(node?.range?.[0] ?? 0);
  }

  /** Returns the scalar at a path in the only document, unless a change of its text could change another value. */
  find(keys: KeyPath): Scalar | Refusal {
    const [document, second] = this.documents;
    if (this.problem !== undefined) return this.problem;
    if (second !== undefined) return { line: this.lineOf(second.contents), reason: 'the file has several documents' };
    let node = (document?.contents ?? null) as Node | null;
    for (const key of keys) {
      const refusal = this.refusalOf(node);
      if (refusal !== undefined) return refusal;
      const line = this.lineOf(node);
      if (isSeq(node)) node = (node.items[Number(key)] ?? null) as Node | null;
      else if (isMap(node)) {
        const pairs = node.items.filter((pair) => isScalar(pair.key) && scalarText(pair.key) === String(key));
        const [pair, duplicate] = pairs;
        if (duplicate !== undefined)
          return { line: this.lineOf(duplicate.key as Node), reason: `the key ${quoted(String(key))} occurs twice` };
        if (pair === undefined) return { line, reason: `the key ${quoted(String(key))} is not written here` };
        node = pair.value as Node | null;
      } else return { line, reason: `there is no key ${quoted(String(key))}` };
    }
    const refusal = this.refusalOf(node);
    if (refusal !== undefined) return refusal;
    return isScalar(node) ? node : { line: this.lineOf(node), reason: 'the value is not a text' };
  }

  /** Returns the edit that gives a scalar another value; only the letters that differ are replaced. */
  replace(scalar: Scalar, replacement: string): TextEdit | Refusal {
    const text = scalarText(scalar);
    if (text === '') return this.refusalOf(scalar) ?? this.#fill(scalar, replacement);
    const edits = this.edit(scalar, [difference(text, replacement)]);
    return isRefusal(edits) ? edits : (edits[0] as TextEdit);
  }

  /**
   * Returns the edits of the source for edits of a scalar's value.
   * @param edits whose texts begin and end with a non-blank, and lie on one line
   */
  edit(scalar: Scalar, edits: readonly TextEdit[]): TextEdit[] | Refusal {
    const line = this.lineOf(scalar);
    const refusal = this.refusalOf(scalar);
    if (refusal !== undefined) return refusal;
    if (!edits.every(({ text }) => PLAIN_TEXT.test(text)))
      return { line, reason: 'the new text has characters that need quoting' };
    const toSource = sourceMapper(this.#lines, scalar);
    if (toSource === undefined) return { line, reason: 'the text cannot be found in its source' };
    const isEscaped = scalar.type === 'QUOTE_DOUBLE';
    const found = edits.map(({ start, end, text }) => {
      return { ...toSource({ start, end }), text: isEscaped ? text.replaceAll('\\', '\\\\') : text };
    });
    const isOnOneLine = found.every(({ start, end }) => !/[\n\r]/.test(this.text.slice(start, end)));
    return isOnOneLine ? found : { line, reason: 'the text spans several lines' };
  }

  /** Gives an empty scalar (`""`, nothing after the colon) a value. */
  #fill(scalar: Scalar, to: string): TextEdit | Refusal {
    const [start = 0, end = 0] = scalar.range ?? [];
    if (!PLAIN_TEXT.test(to))
      return { line: this.lineAt(start), reason: 'the new text has characters that need quoting' };
    if (/^(?:""|'')$/.test(this.text.slice(start, end))) return { start: start + 1, end: start + 1, text: to };
    if (start === end && this.text[start - 1] === ':') return { start, end, text: ` ${to}` };
    if (start === end && this.text[start - 1] === ' ') return { start, end, text: to };
    return { line: this.lineAt(start), reason: 'the empty value has an unusual form' };
  }

  /** Returns the reason why a change of a node would change others or is unclear. */
  refusalOf(node: Node | null): Refusal | undefined {
    if (node === null) return undefined;
    const line = this.lineOf(node);
    if (isAlias(node)) return { line, reason: `the value is an alias, *${node.source}` };
    if (node.tag !== undefined) return { line, reason: `the value has a tag, ${node.tag}` };
    if (node.anchor !== undefined && this.#aliased.has(node.anchor))
      return { line, reason: `the anchor &${node.anchor} is used elsewhere in the file` };
    return undefined;
  }

  #problem(): Refusal | undefined {
    const error = this.documents.flatMap(({ errors }) => errors)[0];
    if (error === undefined) return undefined;
    const line = this.lineAt(error.pos[0]);
    const message = error.message.split('\n')[0] ?? '';
    const isOnlyGo = this.documents.length === 1 && readManifest(this.text).object !== undefined;
    return { line, reason: isOnlyGo ? `only Helm's own parser reads this YAML: ${message}` : `not YAML: ${message}` };
  }
}

/** A file's text with the changes, and those that were refused. */
export interface ChangedYaml {
  readonly text: string;
  readonly refused: readonly (Refusal & { readonly change: ScalarChange })[];
}

/**
 * Changes scalars of a values file or Chart.yaml. The result was read again: Helm reads exactly the new values in it, and no
 * other difference. Changes that do not pass are refused.
 */
export function changeScalars(text: string, changes: readonly ScalarChange[]): ChangedYaml {
  const source = new YamlSource(text);
  const planned = changes.map((change) => ({ change, plan: planChange(source, change) }));
  const refused = planned.flatMap(({ change, plan }) => (isRefusal(plan) ? [{ change, ...plan }] : []));
  const accepted = planned.flatMap(({ change, plan }) => (isRefusal(plan) ? [] : [{ change, edit: plan }]));
  if (accepted.length === 0) return { text, refused };
  const all = applied(text, accepted);
  if (all !== undefined) return { text: all, refused };
  // Rarely: finds those that do not read as they should.
  const good = accepted.filter((candidate) => applied(text, [candidate]) !== undefined);
  const bad = accepted.filter((candidate) => !good.includes(candidate));
  const together = applied(text, good);
  const unread = (together === undefined ? accepted : bad).map(({ change, edit }) => ({
    change,
    line: source.lineAt(edit.start),
    reason: 'the changed file would not be read as intended',
  }));
  return { text: together ?? text, refused: [...refused, ...unread] };
}

function planChange(source: YamlSource, { keys, text, replacement }: ScalarChange): TextEdit | Refusal {
  const scalar = source.find(keys);
  if (isRefusal(scalar)) return scalar;
  const found = scalarText(scalar);
  if (found !== text)
    return { line: source.lineOf(scalar), reason: `the value is ${quoted(found)}, not ${quoted(text)}` };
  return source.replace(scalar, replacement);
}

interface PlannedChange {
  readonly change: ScalarChange;
  readonly edit: TextEdit;
}

/** Returns the changed text; undefined if Helm would not read exactly the changes in it. */
function applied(text: string, planned: readonly PlannedChange[]): string | undefined {
  const changed = applyEdits(
    text,
    planned.map(({ edit }) => edit),
  );
  const before = readManifest(text).object ?? {};
  const after = readManifest(changed).object ?? {};
  const expected = structuredClone(before);
  for (const { change } of planned) setAt(expected, change.keys, change.replacement);
  const isSame = isDeepStrictEqual(expected, after) && lineCount(text) === lineCount(changed);
  return isSame ? changed : undefined;
}

function setAt(root: unknown, keys: KeyPath, value: string): void {
  const parent = valueAt(root, keys.slice(0, -1));
  const last = keys.at(-1) ?? '';
  if (Array.isArray(parent)) parent[Number(last)] = value;
  else if (isMapping(parent)) (parent as Record<string, unknown>)[last] = value;
}

function lineCount(text: string): number {
  return text.split('\n').length;
}

/** Returns the smallest part of a text that another one replaces; it begins and ends with non-blanks of the text. */
function difference(text: string, replacement: string): TextEdit {
  const most = Math.min(text.length, replacement.length);
  let start = 0;
  while (start < most && text[start] === replacement[start]) start += 1;
  let same = 0;
  while (same < most - start && text.at(-1 - same) === replacement.at(-1 - same)) same += 1;
  const isBlank = (offset: number): boolean => /^\s?$/.test(text[offset] ?? '');
  let end = text.length - same;
  // Insertions take one letter of the text along, since positions are known of letters only.
  if (end === start && end < text.length) end += 1;
  while (end < text.length && isBlank(end - 1)) end += 1;
  while (start > 0 && (start >= end || isBlank(start))) start -= 1;
  const suffix = text.length - end;
  return { start, end, text: replacement.slice(start, replacement.length - suffix) };
}

function aliasNames(document: Document.Parsed): string[] {
  const names: string[] = [];
  visit(document, { Alias: (_, { source }) => void names.push(source) });
  return names;
}
