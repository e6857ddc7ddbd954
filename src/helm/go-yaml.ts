import { type Alias, isAlias, isMap, isScalar, isSeq, type Node, type SchemaOptions, type YAMLMap } from 'yaml';
import { DEPTH_LIMIT } from '../base/depth.ts';
import { messageOf } from '../base/errors.ts';
import { isMapping } from '../base/mapping.ts';
import { readYamlDocuments } from '../base/yaml-read.ts';
import { toStrictYaml } from './lenient-yaml.ts';

const GO_TAGS = ['map', 'seq', 'str', 'null', 'bool', 'int', 'float'].map((name) => `tag:yaml.org,2002:${name}`);

/** Options to read unquoted scalars as Go's yaml.v2 does: those of YAML 1.1 without times, and octal numbers of YAML 1.2. */
export const GO_TYPES: SchemaOptions = {
  schema: 'yaml-1.1',
  customTags: (tags) => [
    ...tags.filter((tag) => typeof tag === 'object' && GO_TAGS.includes(tag.tag) && tag.format !== 'TIME'),
    'intOct',
  ],
};

/** Manifest as Kubernetes reads it, or the reason why it cannot be read. Neither if it is empty or not a mapping. */
export interface ReadManifestResult {
  readonly object?: Readonly<Record<string, unknown>>;
  readonly problem?: string;
}

/**
 * Returns the mapping in a chart file such as Chart.yaml, as Helm reads it; empty if the file is missing, not a mapping
 * or unreadable.
 */
export function readMapping(text = ''): Readonly<Record<string, unknown>> {
  return readManifest(text).object ?? {};
}

/**
 * Reads a manifest as Helm and Kubernetes do with Go's yaml.v2: the first document counts, the last of equal keys wins,
 * `<<` merges at its position, and line breaks are those of YAML 1.1. Text that the parser refuses is converted to
 * strict YAML and parsed again.
 */
export function readManifest(text: string): ReadManifestResult {
  return read(text, {});
}

/**
 * Reads a chart's file like {@link readManifest}, with the types that Go gives to unquoted scalars: `no` is false and `010`
 * is 8, also as keys. A file that is written anew keeps its values only if they are read so.
 */
export function readTypedManifest(text: string): ReadManifestResult {
  return read(text, GO_TYPES);
}

function read(text: string, types: SchemaOptions): ReadManifestResult {
  try {
    // Go ignores one byte order mark; parsers differ on a second one.
    if (text.startsWith('\ufeff\ufeff')) return { problem: 'it starts with two byte order marks' };
    const lines = withLineFeeds(text);
    const [original, error] = firstDocument(lines, types);
    const strict = error === undefined ? lines : toStrictYaml(lines);
    const [document, strictError] = strict === lines ? [original, error] : firstDocument(strict, types);
    if (strictError !== undefined) return { problem: error };
    const value = document === undefined ? undefined : new Decoder(types === GO_TYPES).value(document);
    return isMapping(value) ? { object: value } : {};
  } catch (error) {
    if (error instanceof RangeError) return { problem: TOO_DEEP };
    if (error instanceof UnreadableManifest) return { problem: messageOf(error) };
    throw error;
  }
}

/**
 * Replaces the line breaks of YAML 1.1 (CR, NEL, LS, PS) by line feeds of equal length, so that offsets stay. The
 * parser handles CR LF.
 */
export function withLineFeeds(text: string): string {
  return /[\r\u0085\u2028\u2029]/.test(text) ? text.replace(/\r(?!\n)|[\u0085\u2028\u2029]/g, '\n') : text;
}

/** Problem of a manifest that is nested too deeply for the parsers here, though perhaps not for Helm. */
export const TOO_DEEP = `it is nested deeper than ${DEPTH_LIMIT} levels`;

class UnreadableManifest extends Error {}

function firstDocument(text: string, types: SchemaOptions): [Node | undefined, string | undefined] {
  const [document] = readYamlDocuments(text, { resolveKnownTags: false, stringKeys: false, ...types });
  const [error] = document?.errors ?? [];
  const problem = error?.message.split('\n')[0];
  // The parser reports stack overflows with this code.
  const isOverflow = error?.code === 'RESOURCE_EXHAUSTION';
  return [(document?.contents ?? undefined) as Node | undefined, isOverflow ? TOO_DEEP : problem];
}

/** Converts nodes to values by the rules and limits of Go's yaml.v2 (decode.go). */
class Decoder {
  readonly #anchors = new Map<string, Node>();
  readonly #targets = new Map<Alias, Node>();
  readonly #open = new Set<Node>();
  #nodes = 0;
  #aliased = 0;
  #inAlias = 0;
  readonly #hasTypedKeys: boolean;

  constructor(hasTypedKeys: boolean) {
    this.#hasTypedKeys = hasTypedKeys;
  }

  value(node: Node | null | undefined, depth = 0): unknown {
    if (node === null || node === undefined) return null;
    this.#count();
    if (depth > DEPTH_LIMIT) throw new UnreadableManifest(TOO_DEEP);
    if (isAlias(node)) return this.#resolveAlias(node, (target) => this.value(target, depth));
    if (this.#inAlias === 0 && 'anchor' in node && node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    if (isScalar(node)) {
      return node.tag === 'tag:yaml.org,2002:binary'
        ? Buffer.from(String(node.value), 'base64').toString('utf8')
        : node.value;
    }
    this.#open.add(node);
    const value = isMap(node)
      ? this.#mapping(node, depth)
      : isSeq(node)
        ? node.items.map((item) => this.value(item as Node | null, depth + 1))
        : null;
    this.#open.delete(node);
    return value;
  }

  #mapping(node: YAMLMap, depth: number): Record<string, unknown> {
    const mapping: Record<string, unknown> = {};
    for (const pair of node.items) {
      const key = pair.key as Node | null;
      if (isMerge(key)) this.#merge(mapping, pair.value as Node | null, depth);
      else setField(mapping, this.#key(key), this.value(pair.value as Node | null, depth + 1));
    }
    return mapping;
  }

  /** Merges mappings; the first one that has a key wins. */
  #merge(mapping: Record<string, unknown>, node: Node | null, depth: number): void {
    const value = this.value(node, depth + 1);
    const sources = Array.isArray(value) ? value.toReversed() : [value];
    for (const source of sources) {
      if (typeof source !== 'object' || source === null || Array.isArray(source)) {
        throw new UnreadableManifest('<< merges a value that is not a mapping');
      }
      for (const [key, merged] of Object.entries(source)) setField(mapping, key, merged);
    }
  }

  #key(node: Node | null): string {
    const scalar = isAlias(node) ? this.#resolveAlias(node, (target) => target) : node;
    if (scalar === null) return '';
    if (!isScalar(scalar)) throw new UnreadableManifest('a key is not a scalar');
    const value = this.value(scalar);
    if (this.#hasTypedKeys) return String(value);
    return typeof value === 'string' ? value : (scalar.source ?? String(value));
  }

  #resolveAlias<T>(alias: Alias, use: (target: Node) => T): T {
    // A redefined anchor applies to later aliases only. Aliases inside expanded content keep their first target.
    const target = this.#targets.get(alias) ?? this.#anchors.get(alias.source);
    if (target === undefined) throw new UnreadableManifest(`unknown anchor ${alias.source}`);
    if (this.#open.has(target)) throw new UnreadableManifest(`anchor ${alias.source} contains itself`);
    this.#targets.set(alias, target);
    this.#inAlias += 1;
    const used = use(target);
    this.#inAlias -= 1;
    return used;
  }

  /** Limits alias expansion as Go does, so that everything that Helm reads can be read and expansion stays bounded. */
  #count(): void {
    this.#nodes += 1;
    if (this.#inAlias > 0) this.#aliased += 1;
    if (this.#aliased <= 100 || this.#nodes <= 1000) return;
    const excess = Math.min(1, Math.max(0, (this.#nodes - 400_000) / 3_600_000));
    if (this.#aliased / this.#nodes > 0.99 - 0.89 * excess)
      throw new UnreadableManifest('it contains too many aliases');
  }
}

function isMerge(node: Node | null): boolean {
  if (!isScalar(node) || node.value !== '<<') return false;
  return node.tag === undefined ? node.type === 'PLAIN' : node.tag === 'tag:yaml.org,2002:merge';
}

function setField(mapping: Record<string, unknown>, key: string, value: unknown): void {
  // A plain assignment would set the prototype.
  if (key === '__proto__')
    Object.defineProperty(mapping, key, { value, enumerable: true, configurable: true, writable: true });
  else mapping[key] = value;
}
