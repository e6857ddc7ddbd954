import type { ListCollector } from './content.ts';
import { isCompose } from './formats/compose.ts';
import { isEnvFile } from './formats/env-file.ts';
import { isHauler } from './formats/hauler.ts';
import { isImagesLock } from './formats/images-lock.ts';
import { isSkopeoSync } from './formats/skopeo-sync.ts';
import { isZarf } from './formats/zarf.ts';
import type { ListFormat } from './list-format.ts';
import { type Located, textAt } from './located-yaml.ts';

/** What lists that are no lists are for. */
const OTHER_KINDS: Readonly<Record<string, string>> = {
  Config: 'it is an airgap.yaml already: helm airgap bundle --config reads it',
  LockFile: 'helm airgap bundle --lock reads a lock file',
  Kustomization: 'name its folder with --kustomize',
};

/** Returns whether a text is YAML, an env file, a shell script, or neither. */
export function textKind(text: string): 'yaml' | 'env-file' | 'shell' | 'text' {
  if (/^#!.{0,200}sh\b/.test(text)) return 'shell';
  let first: 'yaml' | 'text' | undefined;
  for (const line of text.split('\n')) {
    const words = line.trim();
    if (words === '' || words.startsWith('#')) continue;
    if (/^(?:(?:declare|typeset|local|export|readonly)\s(?:-\w+\s)?)?[A-Za-z_]\w{0,200}\+?=/.test(words))
      return isEnvFile(text) ? 'env-file' : 'shell';
    // A reference has no space after its colons.
    first ??= /^(?:---|%YAML|[[{]|-(?:\s|$))|^[^\s|]{1,300}:(?:\s|$)/.test(words) ? 'yaml' : 'text';
    if (first === 'yaml') return 'yaml';
  }
  return first ?? 'text';
}

/** Returns the form of a list in YAML by its content; undefined if it is none, which is reported. */
export function yamlFormat(documents: readonly Located[], collector: ListCollector): ListFormat | undefined {
  const [first] = documents;
  if (first === undefined || first.kind === 'text') {
    if (collector.problems.length === 0) collector.problem(first?.line ?? 1, 'the file has no list');
    return undefined;
  }
  if (documents.some(isHauler)) return 'hauler';
  if (isZarf(first)) return 'zarf';
  if (isImagesLock(first)) return 'images-lock';
  const kind = first.kind === 'map' ? textAt(first, 'kind') : undefined;
  if (first.kind === 'map' && kind !== undefined && textAt(first, 'apiVersion') !== undefined) {
    const hint = OTHER_KINDS[kind] ?? 'name manifests with --manifests';
    collector.problem(first.line, `a document of kind ${JSON.stringify(kind.slice(0, 100))} is no list`, hint);
    return undefined;
  }
  if (isCompose(first)) return 'compose';
  return isSkopeoSync(first) ? 'skopeo-sync' : 'yaml';
}
