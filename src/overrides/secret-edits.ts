import { isMap, isScalar, isSeq, type Node, type YAMLMap, type YAMLSeq } from 'yaml';
import { readYamlDocument } from '../base/yaml-read.ts';
import { keysOf } from '../influence/scalar.ts';
import type { PullSecretEntry } from './post-render-map.ts';
import { FIELD } from './pull-secret.ts';
import { nodeAt, OPTIONS } from './scalar-edits.ts';
import type { Edit } from './text-edits.ts';

/**
 * Returns the insertions that add a pull secret to the pods of a manifest, in the manifest's YAML style. Pods that
 * already have the secret and manifests that are not valid YAML are unchanged.
 */
export function secretEdits(manifest: string, pods: readonly PullSecretEntry[], secret: string): Edit[] {
  const document = readYamlDocument(manifest, OPTIONS);
  if (document.errors.length > 0) return [];
  const kind = isMap(document.contents) ? String(document.contents.get('kind')) : undefined;
  // Two entries can refer to one pod: through aliases, or a hook and another object of the same kind.
  const edits = new Map<number, Edit>();
  for (const pod of pods) {
    const node = pod.kind === kind ? nodeAt(document, keysOf(pod.path)) : undefined;
    const edit = isMap(node) ? inPod(manifest, node as YAMLMap<Node, Node | null>, secret) : undefined;
    if (edit !== undefined) edits.set(edit.start, edit);
  }
  return [...edits.values()];
}

function inPod(text: string, pod: YAMLMap<Node, Node | null>, secret: string): Edit | undefined {
  const pair = pod.items.findLast(({ key }) => isScalar(key) && key.value === FIELD);
  const name = JSON.stringify(secret);
  if (pair === undefined) {
    const start = pod.items[0]?.key.range?.[0] ?? pod.range?.[0];
    if (start === undefined) return undefined;
    if (pod.flow)
      return insert(
        (pod.range?.[0] ?? start) + 1,
        `"${FIELD}": [{"name": ${name}}]${pod.items.length > 0 ? ', ' : ''}`,
      );
    const indent = ' '.repeat(columnOf(text, start));
    return insert(start, `${FIELD}:\n${indent}- name: ${secret}\n${indent}`);
  }
  if (isSeq(pair.value)) return inList(text, pair.value as YAMLSeq<Node>, secret);
  // `imagePullSecrets:` without a value.
  const end = pair.key.range?.[1];
  const isEmpty =
    pair.value === null || (isScalar(pair.value) && pair.value.value === null && pair.value.source === '');
  const colon = end === undefined ? -1 : text.indexOf(':', end);
  return isEmpty && colon >= 0 ? insert(colon + 1, ` [{"name": ${name}}]`) : undefined;
}

function inList(text: string, list: YAMLSeq<Node>, secret: string): Edit | undefined {
  const has = list.items.some((item) => isMap(item) && item.get('name') === secret);
  const start = list.range?.[0];
  if (has || start === undefined) return undefined;
  if (list.flow) return insert(start + 1, `{"name": ${JSON.stringify(secret)}}${list.items.length > 0 ? ', ' : ''}`);
  const indent = ' '.repeat(columnOf(text, start));
  return insert(start, `- name: ${secret}\n${indent}`);
}

function insert(at: number, text: string): Edit {
  return { start: at, end: at, text };
}

function columnOf(text: string, at: number): number {
  return at - (text.lastIndexOf('\n', at - 1) + 1);
}
