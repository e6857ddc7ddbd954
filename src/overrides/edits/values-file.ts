import { isDeepStrictEqual } from 'node:util';
import { Document, isAlias, isCollection, isMap, isScalar, isSeq, type Node, Scalar, type YAMLMap } from 'yaml';
import { AirgapError } from '../../base/errors.ts';
import { isMapping, type Mapping, overlayValues } from '../../base/mapping.ts';
import { applyEdits, type TextEdit } from '../../base/text-edits.ts';
import { readYamlDocument } from '../../base/yaml-read.ts';
import { documentText, YAML_1_1, yamlText } from '../../base/yaml-text.ts';
import { GO_TYPES, readTypedManifest } from '../../helm/go-yaml.ts';

/** A YAML file with other values. */
export interface ChangedFile {
  readonly text: string;
  /** Reason why the file was written anew, without its comments; undefined if it was edited in place. */
  readonly rewritten?: string;
}

/**
 * Lays values over those of a YAML file, as Helm lays values files over each other. Comments, order and line ends stay,
 * unless the file cannot be edited in place: then it is written anew.
 * @throws AirgapError `chart-invalid` if Helm cannot read the file, or would read the result differently
 */
export function layOver(text: string, overlay: Mapping, name: string): ChangedFile {
  const { object = {}, problem } = readTypedManifest(text);
  if (problem !== undefined) throw new AirgapError('chart-invalid', `${name} is not valid YAML: ${problem}`);
  if (Object.keys(overlay).length === 0) return { text };
  const expected = overlayValues(object, overlay);
  const isExpected = (changed: string): boolean => isSame(readTypedManifest(changed).object, expected);
  const reason = editInPlace(text, overlay);
  if ('text' in reason && isExpected(reason.text)) return reason;
  const written = yamlText(expected);
  if (isExpected(written) && !hasLargeNumber(expected))
    return { text: written, rewritten: 'text' in reason ? 'its YAML is unusual' : reason.problem };
  throw new AirgapError('chart-invalid', `${name} cannot be changed without changing other values`, {
    hint: 'install the upstream chart with the overrides as a values file (--format values)',
  });
}

/** Compares as JSON, which is what Helm makes of the values. */
function isSame(actual: unknown, expected: unknown): boolean {
  return isDeepStrictEqual(JSON.parse(JSON.stringify(actual ?? {})), JSON.parse(JSON.stringify(expected)));
}

/** Reports whether a whole number is too large to be read and written exactly. */
function hasLargeNumber(value: unknown): boolean {
  if (typeof value === 'number') return Number.isInteger(value) && !Number.isSafeInteger(value);
  return typeof value === 'object' && value !== null && Object.values(value).some(hasLargeNumber);
}

/** Why a file cannot be edited in place. */
class NotEditable extends Error {}

function editInPlace(text: string, overlay: Mapping): ChangedFile | { readonly problem: string } {
  const document = readYamlDocument(text, { resolveKnownTags: false, stringKeys: false, ...GO_TYPES });
  const [error] = document.errors;
  if (error !== undefined) return { problem: error.message.split('\n')[0] ?? '' };
  const editor = new Editor(text, document);
  try {
    return { text: applyEdits(text, editor.edits(document.contents as Node | null, overlay)) };
  } catch (error) {
    if (error instanceof NotEditable) return { problem: error.message };
    throw error;
  }
}

/** Finds the edits of one file. */
class Editor {
  readonly #text: string;
  readonly #document: Document;
  readonly #lineEnd: string;

  constructor(text: string, document: Document) {
    this.#text = text;
    this.#document = document;
    this.#lineEnd = text.includes('\r\n') ? '\r\n' : '\n';
  }

  edits(root: Node | null, overlay: Mapping): TextEdit[] {
    const start = this.#text.length;
    const isEnded = this.#text === '' || this.#text.endsWith('\n');
    const append = (values: Mapping): TextEdit[] =>
      Object.keys(values).length === 0
        ? []
        : [{ start, end: start, text: `${isEnded ? '' : this.#lineEnd}${this.#block(values, 0)}` }];
    if (root === null || (isScalar(root) && root.source === '')) return append(overlay);
    if (!isMap(root)) throw new NotEditable(`line ${this.#line(root)} is not a mapping`);
    if (root.flow) return [this.#replace(root, overlayValues(this.#valueOf(root) as Mapping, overlay))];
    const { edits, added } = this.#entries(root, overlay);
    return [...edits, ...append(added)];
  }

  /** Returns the edits of entries that a mapping has, and the entries that it lacks. */
  #entries(node: YAMLMap, overlay: Mapping): { readonly edits: TextEdit[]; readonly added: Mapping } {
    const edits: TextEdit[] = [];
    const added: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(overlay)) {
      const pair = node.items.findLast((item) => isScalar(item.key) && String(item.key.value) === key);
      if (pair === undefined) {
        Object.defineProperty(added, key, { value, enumerable: true });
        continue;
      }
      edits.push(...this.#change(pair.key as Scalar, pair.value as Node | null, value));
    }
    return { edits, added };
  }

  #change(key: Scalar, node: Node | null, value: unknown): TextEdit[] {
    if (node === null || (isScalar(node) && node.source === '' && node.type === Scalar.PLAIN))
      return [this.#fillEmpty(key, value)];
    if (isMap(node) && isMapping(value)) {
      this.#checkAnchor(node);
      if (node.flow) return [this.#replace(node, overlayValues(this.#valueOf(node) as Mapping, value))];
      const { edits, added } = this.#entries(node, value);
      if (Object.keys(added).length === 0) return edits;
      return [...edits, this.#insertBelow(key, node, added)];
    }
    return this.#exactly(node, value) ?? [this.#replace(node, value)];
  }

  /** Returns the edits that give a node a value by changing scalars only; undefined if there are none. */
  #exactly(node: Node | null, value: unknown): TextEdit[] | undefined {
    if (node === null) return undefined;
    if (!isAlias(node) && isSame([this.#valueOf(node)], [value])) return [];
    const isFlow = isCollection(node) && node.flow;
    if (isScalar(node) && (typeof value !== 'object' || value === null)) return [this.#replace(node, value)];
    if (isFlow || !isCollection(node)) return undefined;
    this.#checkAnchor(node);
    const children = isSeq(node)
      ? Array.isArray(value) && value.length === node.items.length
        ? node.items.map((item, i) => this.#exactly(item as Node | null, value[i]))
        : [undefined]
      : isMap(node) && isMapping(value) && node.items.length === Object.keys(value).length
        ? node.items.map(({ key, value: child }) =>
            isScalar(key) && Object.hasOwn(value, String(key.value))
              ? this.#exactly(child as Node | null, value[String(key.value)])
              : undefined,
          )
        : [undefined];
    return children.every((child) => child !== undefined) ? children.flat() : undefined;
  }

  #replace(node: Node, value: unknown): TextEdit {
    this.#checkAnchor(node);
    const [start = 0, end = 0] = node.range ?? [];
    const isBlock = isCollection(node) && !node.flow;
    if (hasLargeNumber(value)) throw new NotEditable(`line ${this.#line(node)} has a number that is too large`);
    if (isBlock && typeof value === 'object' && value !== null) {
      const column = start - (this.#text.lastIndexOf('\n', start - 1) + 1);
      return { start, end, text: this.#block(value, column).trimStart() };
    }
    if (isBlock) throw new NotEditable(`line ${this.#line(node)} has a mapping or list where a text is needed`);
    const isBlockScalar = isScalar(node) && (node.type === Scalar.BLOCK_LITERAL || node.type === Scalar.BLOCK_FOLDED);
    return { start, end, text: `${this.#inline(value, node)}${isBlockScalar ? this.#lineEnd : ''}` };
  }

  #fillEmpty(key: Scalar, value: unknown): TextEdit {
    const colon = this.#text.indexOf(':', key.range?.[1] ?? 0) + 1;
    if (colon === 0) throw new NotEditable(`line ${this.#line(key)} has a key without a colon`);
    return { start: colon, end: colon, text: ` ${this.#inline(value)}` };
  }

  /** Inserts entries before the first one of a mapping, on the line after its key, so that comments keep their places. */
  #insertBelow(key: Scalar, node: YAMLMap, added: Mapping): TextEdit {
    const [first] = node.items;
    const begin = (first?.key as Node | undefined)?.range?.[0] ?? 0;
    const line = this.#text.indexOf('\n', key.range?.[1] ?? 0) + 1;
    const column = begin - (this.#text.lastIndexOf('\n', begin - 1) + 1);
    if (line === 0 || line > begin)
      throw new NotEditable(`line ${this.#line(key)} has a mapping on the line of its key`);
    return { start: line, end: line, text: this.#block(added, column) };
  }

  /** Formats entries or items as lines with this indentation. */
  #block(value: unknown, indent: number): string {
    const lines = yamlText(value).split('\n');
    return lines.map((line) => (line === '' ? line : ' '.repeat(indent) + line)).join(this.#lineEnd);
  }

  /** Formats a value on one line, in the quotes of the former one. */
  #inline(value: unknown, former?: Node): string {
    const document = new Document(value, { ...YAML_1_1, aliasDuplicateObjects: false });
    const { contents } = document;
    if (isCollection(contents)) contents.flow = true;
    if (isScalar(contents) && isScalar(former) && typeof value === 'string') {
      const isQuoted = former.type === Scalar.QUOTE_DOUBLE || former.type === Scalar.QUOTE_SINGLE;
      if (isQuoted) contents.type = former.type as Scalar.Type;
    }
    const text = documentText(document).trimEnd();
    return text.includes('\n') ? JSON.stringify(value) : text;
  }

  #valueOf(node: Node): unknown {
    return node.toJS(this.#document);
  }

  /** Refuses what aliases elsewhere in the file would change too. */
  #checkAnchor(node: Node): void {
    if ('anchor' in node && node.anchor !== undefined && !isAlias(node))
      throw new NotEditable(`line ${this.#line(node)} has the anchor &${node.anchor}`);
  }

  #line(node: Node): number {
    return this.#text.slice(0, node.range?.[0] ?? 0).split('\n').length;
  }
}
