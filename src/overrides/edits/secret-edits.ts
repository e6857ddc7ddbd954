import { isMap, isScalar, isSeq, type Node, type YAMLMap, type YAMLSeq } from 'yaml';
import { parseFieldPath } from '../../base/field-path.ts';
import type { TextEdit } from '../../base/text-edits.ts';
import { readYamlDocument } from '../../base/yaml-read.ts';
import { PULL_SECRETS_FIELD } from '../additions/secret-changes.ts';
import type { PullSecretEntry } from './post-render-map.ts';
import { nodeAt, YAML_OPTIONS } from './scalar-edits.ts';

/**
 * Returns the insertions that add a pull secret to the pods of a manifest, in the manifest's YAML style. Pods that
 * already have the secret and manifests that are not valid YAML are unchanged.
 */
export function manifestSecretEdits(manifest: string, pods: readonly PullSecretEntry[], secret: string): TextEdit[] {
  const document = readYamlDocument(manifest, YAML_OPTIONS);
  if (document.errors.length > 0) return [];
  const kind = isMap(document.contents) ? String(document.contents.get('kind')) : undefined;
  // Two entries can refer to one pod: through aliases, or a hook and another object of the same kind.
  const edits = new Map<number, TextEdit>();
  for (const pod of pods) {
    const node = pod.kind === kind ? nodeAt(document, parseFieldPath(pod.path)) : undefined;
    const edit = isMap(node) ? podEdit(manifest, node as YAMLMap<Node, Node | null>, secret) : undefined;
    if (edit !== undefined) edits.set(edit.start, edit);
  }
  return [...edits.values()];
}

function podEdit(text: string, pod: YAMLMap<Node, Node | null>, secret: string): TextEdit | undefined {
  const pair = pod.items.findLast(({ key }) => isScalar(key) && key.value === PULL_SECRETS_FIELD);
  const name = JSON.stringify(secret);
  if (pair === undefined) {
    const start = pod.items[0]?.key.range?.[0] ?? pod.range?.[0];
    if (start === undefined) return undefined;
    if (pod.flow)
      return insertion(
        (pod.range?.[0] ?? start) + 1,
        `"${PULL_SECRETS_FIELD}": [{"name": ${name}}]${pod.items.length > 0 ? ', ' : ''}`,
      );
    const indent = ' '.repeat(columnOf(text, start));
    return insertion(start, `${PULL_SECRETS_FIELD}:\n${indent}- name: ${secret}\n${indent}`);
  }
  if (isSeq(pair.value)) return listEdit(text, pair.value as YAMLSeq<Node>, secret);
  // `imagePullSecrets:` without a value.
  const end = pair.key.range?.[1];
  const isEmpty =
    pair.value === null || (isScalar(pair.value) && pair.value.value === null && pair.value.source === '');
  const colon = end === undefined ? -1 : text.indexOf(':', end);
  return isEmpty && colon >= 0 ? insertion(colon + 1, ` [{"name": ${name}}]`) : undefined;
}

function listEdit(text: string, list: YAMLSeq<Node>, secret: string): TextEdit | undefined {
  const hasSecret = list.items.some((item) => isMap(item) && item.get('name') === secret);
  const start = list.range?.[0];
  if (hasSecret || start === undefined) return undefined;
  if (list.flow) return insertion(start + 1, `{"name": ${JSON.stringify(secret)}}${list.items.length > 0 ? ', ' : ''}`);
  const indent = ' '.repeat(columnOf(text, start));
  return insertion(start, `- name: ${secret}\n${indent}`);
}

function insertion(offset: number, text: string): TextEdit {
  return { start: offset, end: offset, text };
}

function columnOf(text: string, offset: number): number {
  return offset - (text.lastIndexOf('\n', offset - 1) + 1);
}
