import { CORE_SCHEMA, eventsToAst, type Node, parseEvents } from 'js-yaml';
import { DEPTH_LIMIT } from '../base/depth.ts';
import { toStrictYaml } from './lenient-yaml.ts';

/**
 * Reads a manifest with a second parser, independently of `readManifest` (go-yaml.ts) except for the conversion to
 * strict YAML. Returns null for scalars that are not strings.
 * @throws Error of the parser
 */
export function readWithSecondParser(text: string): unknown {
  const lines = text.replace(/\r\n?|[\u0085\u2028\u2029]/g, '\n');
  try {
    return firstDocument(lines);
  } catch (error) {
    const strict = toStrictYaml(lines);
    if (strict === lines) throw error;
    return firstDocument(strict);
  }
}

function firstDocument(source: string): unknown {
  const events = parseEvents(source, { maxDepth: DEPTH_LIMIT });
  const contents = eventsToAst(events, { source, schema: CORE_SCHEMA })[0]?.contents ?? null;
  return contents === null ? null : toValue(contents, new Map());
}

function toValue(node: Node, anchors: Map<string, unknown>): unknown {
  if (node.kind === 'alias') return anchors.get(node.anchor);
  const value = node.kind === 'scalar' ? scalarText(node) : collectionValue(node, anchors);
  if (node.anchor !== undefined) anchors.set(node.anchor, value);
  return value;
}

function collectionValue(node: Exclude<Node, { kind: 'alias' | 'scalar' }>, anchors: Map<string, unknown>): unknown {
  if (node.kind === 'sequence') return node.items.map((item) => toValue(item, anchors));
  const entries = new Map<string, unknown>();
  for (const { key, value } of node.items) {
    const isMerge =
      key.kind === 'scalar' && key.value === '<<' && (key.tagged ? key.tag.endsWith('merge') : key.style === 1);
    const name = key.kind === 'scalar' && scalarText(key) === null ? key.value : toValue(key, anchors);
    const entryValue = toValue(value, anchors);
    if (!isMerge) entries.set(String(name), entryValue);
    else {
      for (const source of Array.isArray(entryValue) ? entryValue.toReversed() : [entryValue]) {
        for (const [merged, item] of Object.entries(source ?? {})) entries.set(merged, item);
      }
    }
  }
  return Object.fromEntries(entries);
}

function scalarText({ tag, tagged, value }: Extract<Node, { kind: 'scalar' }>): string | null {
  if (/(?::|!!)binary$/.test(tag)) return Buffer.from(value, 'base64').toString('utf8');
  return /(?::|!!)str$/.test(tag) || (tagged && !/(?::|!!)(?:int|float|bool|null)$/.test(tag)) ? value : null;
}
