import { type Document, isAlias, isMap, isPair, isScalar, isSeq, LineCounter, type Node } from 'yaml';
import { readYamlDocuments } from '../base/yaml-read.ts';
import type { ListCollector } from './content.ts';

/** Maximum nesting, and number of values that aliases expand to. Lists that people write have a handful of both. */
const [MAX_DEPTH, MAX_VALUES] = [60, 200_000];

/** Value of a YAML file with its line. Aliases and merge keys are resolved. */
export type Located = LocatedText | LocatedList | LocatedMap;

interface LocatedText {
  readonly kind: 'text';
  readonly line: number;
  /** As written for plain scalars: `1.10` is not the number 1.1. Empty for null. */
  readonly text: string;
}

interface LocatedList {
  readonly kind: 'list';
  readonly line: number;
  readonly items: readonly Located[];
}

export interface LocatedMap {
  readonly kind: 'map';
  readonly line: number;
  readonly entries: ReadonlyMap<string, Located>;
}

/** Reads all documents of a YAML text. Problems go to the collector; the documents are then incomplete. */
export function readLocatedYaml(text: string, collector: ListCollector): Located[] {
  const lines = new LineCounter();
  const documents = readYamlDocuments(text, { lineCounter: lines });
  const lineAt = (offset: number): number => Math.max(lines.linePos(offset).line, 1);
  const errors = documents.flatMap((document) => document.errors);
  for (const { pos, message } of errors.slice(0, 20))
    collector.problem(lineAt(pos[0]), message, 'the file is not valid YAML');
  if (errors.length > 0) return [];
  const reader = new Reader(lineAt, collector);
  return documents.flatMap((document) => reader.read(document) ?? []);
}

/** Returns the text of a key; undefined if there is none or it is no text. An empty text counts as none. */
export function textAt(map: LocatedMap, key: string): string | undefined {
  const value = map.entries.get(key);
  return value?.kind === 'text' && value.text !== '' ? value.text : undefined;
}

/** Returns the mapping at a path of keys. */
export function mapAt(map: Located | undefined, ...keys: readonly string[]): LocatedMap | undefined {
  let value = map;
  for (const key of keys) value = value?.kind === 'map' ? value.entries.get(key) : undefined;
  return value?.kind === 'map' ? value : undefined;
}

/** Returns the items of a list; none if there is no such list. */
export function listAt(map: LocatedMap, key: string): readonly Located[] {
  const value = map.entries.get(key);
  return value?.kind === 'list' ? value.items : [];
}

/** Returns the line of a key's value, else that of the mapping. */
export function lineAt(map: LocatedMap, key: string): number {
  return map.entries.get(key)?.line ?? map.line;
}

class Reader {
  readonly #lineAt: (offset: number) => number;
  readonly #collector: ListCollector;
  readonly #anchors = new Map<string, Located>();
  readonly #sizes = new Map<Located, number>();
  #isExcessive = false;
  #merged = 0;

  constructor(lineAt: (offset: number) => number, collector: ListCollector) {
    this.#lineAt = lineAt;
    this.#collector = collector;
  }

  read({ contents }: Document.Parsed): Located | undefined {
    this.#anchors.clear();
    return contents === null ? undefined : this.#value(contents, 1, 0);
  }

  #value(node: unknown, fallback: number, depth: number): Located {
    const line = isNodeWithRange(node) ? this.#lineAt(node.range[0]) : fallback;
    if (depth > MAX_DEPTH) return this.#refuse(line, `the file nests deeper than ${MAX_DEPTH} levels`);
    if (isAlias(node)) {
      const value = this.#anchors.get(node.source);
      if (value !== undefined) return value;
      this.#collector.problem(line, `the alias *${node.source} has no anchor above it`);
      return { kind: 'text', line, text: '' };
    }
    let value = this.#collection(node, line, depth);
    const size = this.#sizeOf(value);
    if (size > MAX_VALUES) value = this.#refuse(line, `the file has more than ${MAX_VALUES} values`);
    this.#sizes.set(value, Math.min(size, MAX_VALUES));
    const isAnchored = isScalar(node) || isMap(node) || isSeq(node);
    if (isAnchored && node.anchor !== undefined) this.#anchors.set(node.anchor, value);
    return value;
  }

  #collection(node: unknown, line: number, depth: number): Located {
    if (isSeq(node)) return { kind: 'list', line, items: node.items.map((item) => this.#value(item, line, depth + 1)) };
    if (!isMap(node)) return { kind: 'text', line, text: textOf(node) };
    const entries = new Map<string, Located>();
    const merged: LocatedMap[] = [];
    for (const pair of node.items) {
      if (!isPair(pair)) continue;
      const key = textOf(pair.key);
      const keyLine = isNodeWithRange(pair.key) ? this.#lineAt(pair.key.range[0]) : line;
      const value = this.#value(pair.value, keyLine, depth + 1);
      if (key === '<<' && isScalar(pair.key) && pair.key.type === 'PLAIN') {
        merged.push(...(value.kind === 'list' ? value.items : [value]).filter((one) => one.kind === 'map'));
      } else if (entries.has(key))
        this.#collector.problem(keyLine, `the key ${JSON.stringify(key.slice(0, 200))} is there twice`);
      else entries.set(key, value);
    }
    for (const map of merged) {
      // A chain of merged mappings would take quadratic time.
      this.#merged += map.entries.size;
      if (this.#merged > MAX_VALUES) return this.#refuse(line, `the file has more than ${MAX_VALUES} merged values`);
      for (const [key, value] of map.entries) if (!entries.has(key)) entries.set(key, value);
    }
    return { kind: 'map', line, entries };
  }

  #sizeOf(value: Located): number {
    const of = (values: Iterable<Located>): number => {
      let sum = 1;
      for (const one of values) sum += this.#sizes.get(one) ?? 1;
      return sum;
    };
    return value.kind === 'text' ? 1 : of(value.kind === 'list' ? value.items : value.entries.values());
  }

  #refuse(line: number, reason: string): Located {
    if (!this.#isExcessive) this.#collector.problem(line, reason, 'no list needs that; check the file');
    this.#isExcessive = true;
    return { kind: 'text', line, text: '' };
  }
}

function textOf(node: unknown): string {
  if (!isScalar(node) || node.value === null || node.value === undefined) return '';
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
}

function isNodeWithRange(node: unknown): node is Node & { readonly range: readonly [number, number, number] } {
  return typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range);
}
