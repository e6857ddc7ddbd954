import { isScalar, type Node, type Scalar } from 'yaml';
import { formatFieldPath, type KeyPath } from '../base/field-path.ts';
import { scalarText } from '../base/scalar-source.ts';
import { applyEdits, type TextEdit } from '../base/text-edits.ts';
import { isRefusal, type Refusal, YamlSource } from '../helm/yaml-source.ts';
import {
  childOf,
  describeObject,
  type LocatedNode,
  nodesAt,
  type ObjectNode,
  objectNodes,
  textOf,
} from './object-nodes.ts';
import type { ReferenceRewriter } from './reference-rewriter.ts';
import type { RenamedNamespaces } from './registry-replacement.ts';
import { type LocatedScalar, type RemainingReference, remainingReferences } from './remaining-references.ts';
import { type FieldContent, isRecord, type WorkloadField, workloadFields } from './workload-fields.ts';

/** What is rewritten. */
export interface RewriteRules {
  readonly rewriter: ReferenceRewriter;
  readonly renamed: RenamedNamespaces;
}

/** New value of one scalar. */
export interface ScalarRewrite extends LocatedScalar {
  /** Keys from the root of the document. */
  readonly keys: KeyPath;
  readonly text: string;
  readonly replacement: string;
  /** Edits of the file's text. */
  readonly edits: readonly TextEdit[];
  /** What changes, for people: references as a whole, and prefixes in longer texts. */
  readonly shown: readonly { readonly line: number; readonly before: string; readonly after: string }[];
}

/** Rewrites of a text of manifests. */
export interface RewritePlan {
  readonly rewrites: readonly ScalarRewrite[];
  readonly left: readonly RemainingReference[];
}

/**
 * Plans the rewrites of the objects in a text of manifests: references to the source's registry, and namespaces. Only the
 * letters that differ are edited.
 * @returns the problem of a text that is not YAML
 */
export function planRewrites(text: string, rules: RewriteRules): RewritePlan | Refusal {
  const source = new YamlSource(text);
  if (source.problem !== undefined) return source.problem;
  const rewrites: ScalarRewrite[] = [];
  const left: RemainingReference[] = [];
  for (const { contents } of source.documents) {
    const objects = objectNodes(source, contents as Node | null);
    const planner = new ObjectPlanner(source, rules);
    for (const object of objects) planner.plan(object);
    rewrites.push(...planner.rewrites);
    left.push(...planner.left);
    left.push(...remainingReferences(source, contents as Node | null, objects, rules, planner.planned));
  }
  return { rewrites, left: left.sort((a, b) => a.line - b.line) };
}

/** Applies rewrites to the text for which they were planned. */
export function applyRewrites(text: string, rewrites: readonly ScalarRewrite[]): string {
  return applyEdits(
    text,
    rewrites.flatMap(({ edits }) => edits),
  );
}

class ObjectPlanner {
  readonly rewrites: ScalarRewrite[] = [];
  readonly left: RemainingReference[] = [];
  /** Scalars that are rewritten, or refused with a reason. */
  readonly planned = new Set<Node>();
  readonly #source: YamlSource;
  readonly #rules: RewriteRules;

  constructor(source: YamlSource, rules: RewriteRules) {
    this.#source = source;
    this.#rules = rules;
  }

  plan(object: ObjectNode): void {
    const fields = workloadFields(object.kind, object.group);
    for (const { keys, content } of fields ?? []) {
      for (const located of nodesAt(this.#source, object, keys)) this.#field(object, located, content);
    }
    if (fields === undefined && !isRecord(object.kind)) this.#leaveNamespaces(object);
  }

  #field(object: ObjectNode, located: LocatedNode, content: FieldContent): void {
    if (content === 'object-reference') {
      const kind = textOf(childOf(this.#source, located, 'kind'));
      const [key, of] =
        kind === 'DockerImage' ? (['name', 'reference'] as const) : (['namespace', 'namespace'] as const);
      const child = childOf(this.#source, located, key);
      // A reference by name has no namespace, whatever the field says.
      const unused = key === 'name' ? childOf(this.#source, located, 'namespace') : undefined;
      if (unused !== undefined) this.planned.add(unused.node);
      if (child !== undefined) this.#field(object, child, of);
      return;
    }
    const text = textOf(located);
    if (text === undefined) return;
    const edits = this.#editsOf(text, content);
    if (edits.length > 0) this.#rewrite(object, { ...located, node: located.node as Scalar }, edits, content);
    else if (this.#rules.rewriter.mentionsSource(text)) this.#leave(object, located, text, NO_REPLACEMENT);
  }

  /** Returns edits of a scalar's value. */
  #editsOf(text: string, content: FieldContent): readonly TextEdit[] {
    const { rewriter, renamed } = this.#rules;
    if (content === 'words') return rewriter.words(text);
    if (content === 'triggers') return triggerEdits(text, renamed);
    if (content === 'reference') return [rewriter.reference(text) ?? []].flat();
    const replacement = renamed.get(text);
    return replacement === undefined || replacement === text ? [] : [{ start: 0, end: text.length, text: replacement }];
  }

  #rewrite(
    object: ObjectNode,
    { node, keys, refusal }: LocatedNode & { readonly node: Scalar },
    edits: readonly TextEdit[],
    content: FieldContent,
  ): void {
    const text = scalarText(node);
    const planned = refusal ?? this.#source.edit(node, edits);
    if (isRefusal(planned)) {
      this.#leave(object, { node, keys }, text, planned.reason);
      return;
    }
    this.planned.add(node);
    const at = this.#locate(object, keys, node);
    const replacement = applyEdits(text, edits);
    const shown = planned.map(({ start }, i) => {
      const { start: from = 0, end = 0, text: after = '' } = edits[i] ?? {};
      const parts = { before: text.slice(from, end), after };
      return {
        line: this.#source.lineAt(start),
        ...(content === 'reference' ? { before: text, after: replacement } : parts),
      };
    });
    this.rewrites.push({ ...at, keys, text, replacement, edits: planned, shown });
  }

  /** Lists namespaces of objects of other kinds, which are not renamed. */
  #leaveNamespaces(object: ObjectNode): void {
    if (this.#rules.renamed.size === 0) return;
    const isNamespace = object.kind === 'Namespace' || object.kind === 'Project';
    for (const path of isNamespace ? NAMESPACE_NAME : NAMESPACES) {
      for (const { node, keys } of nodesAt(this.#source, object, path)) {
        const text = isScalar(node) ? scalarText(node) : '';
        if ((this.#rules.renamed.get(text) ?? text) === text) continue;
        this.#leave(object, { node, keys }, text, NOT_RENAMED);
      }
    }
  }

  #leave(object: ObjectNode, { node, keys }: Pick<LocatedNode, 'node' | 'keys'>, text: string, reason: string): void {
    this.planned.add(node);
    this.left.push({ ...this.#locate(object, keys, node), text, reason });
  }

  #locate(object: ObjectNode, keys: KeyPath, node: Node): LocatedScalar {
    return {
      line: this.#source.lineOf(node),
      object: describeObject(this.#source, object),
      path: formatFieldPath(keys.slice(object.keys.length)),
    };
  }
}

const NO_REPLACEMENT = 'it names no namespace of the exported image streams';
const NOT_RENAMED = 'namespaces of this kind are not renamed';

/** Fields of other kinds that name namespaces: of the object, and the subjects of its rights (RoleBinding). */
const NAMESPACES: readonly WorkloadField['keys'][] = [
  ['metadata', 'namespace'],
  ['subjects', '*', 'namespace'],
];

/** Name of an object that is a namespace (Namespace, Project). */
const NAMESPACE_NAME: readonly WorkloadField['keys'][] = [['metadata', 'name']];

/** Kinds that the annotation may name. */
const STREAM_KIND = /^ImageStream(?:Tag|Image)?$/;

/** Returns edits of the JSON in an annotation of image triggers: the namespaces of image streams. */
function triggerEdits(json: string, renamed: RenamedNamespaces): TextEdit[] {
  if (renamed.size === 0) return [];
  const source = new YamlSource(json);
  const contents = (source.documents[0]?.contents ?? null) as Node | null;
  if (source.problem !== undefined || contents === null) return [];
  return nodesAt(source, { keys: [], node: contents, refusal: undefined }, ['*', 'from']).flatMap((from) => {
    const namespace = childOf(source, from, 'namespace');
    const text = textOf(namespace) ?? '';
    const replacement = renamed.get(text);
    const [start = 0, end = 0] = namespace?.node.range ?? [];
    const isPlain = json.slice(start, end) === `"${text}"`;
    if (!STREAM_KIND.test(textOf(childOf(source, from, 'kind')) ?? '') || replacement === undefined || !isPlain)
      return [];
    return [{ start: start + 1, end: end - 1, text: replacement }];
  });
}
