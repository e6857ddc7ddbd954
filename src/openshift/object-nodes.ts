import { isMap, isScalar, isSeq, type Node, type YAMLMap } from 'yaml';
import type { KeyPath } from '../base/field-path.ts';
import { quoted } from '../base/printable.ts';
import { scalarText } from '../base/scalar-source.ts';
import { apiGroup } from '../helm/type-meta.ts';
import type { Refusal, YamlSource } from '../helm/yaml-source.ts';

/** A node of a YAML document. */
export interface LocatedNode {
  /** Keys from the root of the document. */
  readonly keys: KeyPath;
  readonly node: Node;
  /** Reason why its text must not be changed. */
  readonly refusal: Refusal | undefined;
}

/** Node of a Kubernetes object. */
export interface ObjectNode extends LocatedNode {
  readonly node: YAMLMap;
  readonly kind: string;
  /** Group of the API; empty for the core group. */
  readonly group: string;
}

/** Maximum levels of lists and templates in each other. */
const MAX_LEVELS = 5;

/** Returns the object of a document, or the objects of a list (`kind: List`), or an OpenShift Template and its objects. */
export function objectNodes(source: YamlSource, root: Node | null): ObjectNode[] {
  const objects: ObjectNode[] = [];
  const visit = (
    located: LocatedNode,
    level: number,
    typed?: { readonly kind: string; readonly api: string },
  ): void => {
    const { node } = located;
    if (!isMap(node) || level > MAX_LEVELS) return;
    const kind = textOf(childOf(source, located, 'kind')) ?? typed?.kind;
    const api = textOf(childOf(source, located, 'apiVersion')) ?? typed?.api;
    if (kind === undefined || api === undefined) return;
    const list = kind.endsWith('List') ? 'items' : kind === 'Template' ? 'objects' : undefined;
    const items = list === undefined ? undefined : childOf(source, located, list);
    const isList = items !== undefined && isSeq(items.node);
    // A Template is an object of its own, besides those that it makes.
    if (!isList || kind === 'Template') objects.push({ ...located, node, kind, group: apiGroup(api) });
    if (!isList) return;
    // The items of a typed list of the API have no kind.
    const inherited = kind === 'List' || kind === 'Template' ? undefined : { kind: kind.slice(0, -4), api };
    for (const item of childrenOf(source, items)) visit(item, level + 1, inherited);
  };
  if (root !== null) visit({ keys: [], node: root, refusal: source.refusalOf(root) }, 0);
  return objects;
}

/** Returns the nodes at a path below a node; `*` means each item of a list. Aliases are not followed. */
export function nodesAt(source: YamlSource, from: LocatedNode, path: readonly string[]): LocatedNode[] {
  let nodes: readonly LocatedNode[] = [from];
  for (const key of path) {
    nodes = nodes.flatMap((node) => (key === '*' ? childrenOf(source, node) : (childOf(source, node, key) ?? [])));
  }
  return [...nodes];
}

/** Returns the value of a key. If the key occurs several times, the last one counts, but must not be changed. */
export function childOf(
  source: YamlSource,
  { node, keys, refusal }: LocatedNode,
  key: string,
): LocatedNode | undefined {
  if (!isMap(node)) return undefined;
  const pairs = node.items.filter((pair) => isScalar(pair.key) && scalarText(pair.key) === key);
  const last = pairs.at(-1);
  const value = (last?.value ?? null) as Node | null;
  if (last === undefined || value === null) return undefined;
  const duplicate: Refusal | undefined =
    pairs.length > 1
      ? { line: source.lineOf(last.key as Node), reason: `the key ${quoted(key)} occurs twice` }
      : undefined;
  return { node: value, keys: [...keys, key], refusal: refusal ?? duplicate ?? source.refusalOf(value) };
}

function childrenOf(source: YamlSource, { node, keys, refusal }: LocatedNode): LocatedNode[] {
  if (!isSeq(node)) return [];
  return node.items.flatMap((item, i) => {
    const value = item as Node | null;
    return value === null ? [] : [{ node: value, keys: [...keys, i], refusal: refusal ?? source.refusalOf(value) }];
  });
}

/** Returns the text of a scalar; undefined for any other node. */
export function textOf(located: LocatedNode | undefined): string | undefined {
  return located !== undefined && isScalar(located.node) ? scalarText(located.node) : undefined;
}

/** Formats an object as `Deployment shop/app`. */
export function describeObject(source: YamlSource, object: ObjectNode): string {
  const [namespace, name] = ['namespace', 'name'].map((key) =>
    nodesAt(source, object, ['metadata', key]).map(textOf).join(''),
  );
  return `${object.kind} ${namespace ? `${namespace}/` : ''}${name}`;
}
