import { isMap, isScalar, isSeq, type Node } from 'yaml';
import { formatFieldPath, type KeyPath } from '../base/field-path.ts';
import { scalarText } from '../base/scalar-source.ts';
import type { YamlSource } from '../helm/yaml-source.ts';
import { describeObject, type ObjectNode } from './object-nodes.ts';
import type { ReferenceRewriter } from './reference-rewriter.ts';
import type { RenamedNamespaces } from './registry-replacement.ts';
import { isRecord } from './workload-fields.ts';

/** A scalar of a file. */
export interface LocatedScalar {
  /** From 1. */
  readonly line: number;
  /** `Deployment shop/app`. */
  readonly object: string;
  /** Path of the field in the object. */
  readonly path: string;
}

/** A scalar that still refers to the source's registry or namespaces. */
export interface RemainingReference extends LocatedScalar {
  readonly text: string;
  readonly reason: string;
}

/** Fields that a cluster writes itself, so that those of an export do not matter elsewhere. */
const OF_CLUSTER: ReadonlySet<string> = new Set([
  'status',
  'metadata.managedFields',
  formatFieldPath(['metadata', 'annotations', 'kubectl.kubernetes.io/last-applied-configuration']),
]);

/**
 * Finds the texts of a document that refer to the source's registry, or to a renamed namespace (by a key, an anchor that may be
 * the value of one, or the name of a Service or service account), in any field of any object, except those that clusters write.
 * @param planned scalars that are rewritten or listed already
 */
export function remainingReferences(
  source: YamlSource,
  root: Node | null,
  objects: readonly ObjectNode[],
  { rewriter, renamed }: { readonly rewriter: ReferenceRewriter; readonly renamed: RenamedNamespaces },
  planned: ReadonlySet<Node>,
): RemainingReference[] {
  const found: RemainingReference[] = [];
  const byNode = new Map<Node, ObjectNode>(objects.map((object) => [object.node, object]));
  const visit = (node: unknown, keys: KeyPath, owner: ObjectNode | undefined): void => {
    if (isScalar(node)) {
      const text = scalarText(node);
      if (planned.has(node)) return;
      const isNamespace = NAMESPACE_KEYS.has(String(keys.at(-1))) || source.refusalOf(node) !== undefined;
      const isRenamed = isInRenamed(text, renamed) || (isNamespace && (renamed.get(text) ?? text) !== text);
      const reason = rewriter.mentionsSource(text) ? NOT_REWRITTEN : isRenamed ? NOT_RENAMED : undefined;
      if (reason === undefined) return;
      const object = owner === undefined ? '' : describeObject(source, owner);
      found.push({ line: source.lineOf(node), object, path: formatFieldPath(keys), text, reason });
    } else if (isSeq(node)) {
      for (const [i, item] of node.items.entries()) visit(item, [...keys, i], owner);
    } else if (isMap(node)) {
      const object = byNode.get(node);
      if (object !== undefined && isRecord(object.kind)) return;
      const [own, path] = object === undefined ? [owner, keys] : [object, []];
      for (const { key, value } of node.items) {
        const next = [...path, isScalar(key) ? scalarText(key) : ''];
        if (own === undefined || !OF_CLUSTER.has(formatFieldPath(next))) visit(value, next, own);
      }
    }
  };
  visit(root, [], undefined);
  return found;
}

const NOT_REWRITTEN = 'this field is not rewritten';
const NOT_RENAMED = 'namespaces in this field are not renamed';

/** Keys of namespaces: references to objects, and the label by which policies select namespaces. */
const NAMESPACE_KEYS: ReadonlySet<string> = new Set(['namespace', 'kubernetes.io/metadata.name']);

/** Namespace in a DNS name of a Service, and in the user and the group of service accounts. */
const IN_NAMESPACE = [/\.([a-z0-9-]{1,63})\.svc\b/g, /\bsystem:serviceaccounts?:([a-z0-9-]{1,63})/g] as const;

function isInRenamed(text: string, renamed: RenamedNamespaces): boolean {
  if (renamed.size === 0) return false;
  return IN_NAMESPACE.some((pattern) =>
    [...text.matchAll(pattern)].some(([, name = '']) => (renamed.get(name) ?? name) !== name),
  );
}
