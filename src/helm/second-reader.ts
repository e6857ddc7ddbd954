import { CORE_SCHEMA, eventsToAst, type Node, parseEvents } from 'js-yaml';
import { DEPTH_LIMIT } from '../base/depth.ts';
import { strictly } from './lenient-yaml.ts';

/**
 * Reads a manifest with a second parser, independently of {@link readManifest} except for the conversion to strict
 * YAML. Returns null for scalars that are not strings.
 * @throws Error of the parser
 */
export function readAgain(text: string): unknown {
  const lines = text.replace(/\r\n?|[\u0085\u2028\u2029]/g, '\n');
  try {
    return first(lines);
  } catch (error) {
    const strict = strictly(lines);
    if (strict === lines) throw error;
    return first(strict);
  }
}

function first(source: string): unknown {
  const events = parseEvents(source, { maxDepth: DEPTH_LIMIT });
  const contents = eventsToAst(events, { source, schema: CORE_SCHEMA })[0]?.contents ?? null;
  return contents === null ? null : plain(contents, new Map());
}

function plain(node: Node, anchors: Map<string, unknown>): unknown {
  if (node.kind === 'alias') return anchors.get(node.anchor);
  const value = node.kind === 'scalar' ? textOf(node) : collected(node, anchors);
  if (node.anchor !== undefined) anchors.set(node.anchor, value);
  return value;
}

function collected(node: Exclude<Node, { kind: 'alias' | 'scalar' }>, anchors: Map<string, unknown>): unknown {
  if (node.kind === 'sequence') return node.items.map((item) => plain(item, anchors));
  const entries = new Map<string, unknown>();
  for (const { key, value } of node.items) {
    const isMerge =
      key.kind === 'scalar' && key.value === '<<' && (key.tagged ? key.tag.endsWith('merge') : key.style === 1);
    const name = key.kind === 'scalar' && textOf(key) === null ? key.value : plain(key, anchors);
    const read = plain(value, anchors);
    if (!isMerge) entries.set(String(name), read);
    else {
      for (const source of Array.isArray(read) ? read.toReversed() : [read]) {
        for (const [merged, one] of Object.entries(source ?? {})) entries.set(merged, one);
      }
    }
  }
  return Object.fromEntries(entries);
}

function textOf({ tag, tagged, value }: Extract<Node, { kind: 'scalar' }>): string | null {
  if (/(?::|!!)binary$/.test(tag)) return Buffer.from(value, 'base64').toString('utf8');
  return /(?::|!!)str$/.test(tag) || (tagged && !/(?::|!!)(?:int|float|bool|null)$/.test(tag)) ? value : null;
}
