import { readFile } from 'node:fs/promises';
import { AirgapError } from '../../base/errors.ts';
import { formatPath, type KeyPath, valueAt } from '../../base/field-path.ts';
import { reasonOf } from '../../base/file-failure.ts';
import { isMapping } from '../../base/mapping.ts';
import { imageLeaves } from '../../discovery/index.ts';
import { formatReference, tryParseReference } from '../../oci/reference.ts';
import { withoutTagAndDigest } from '../../value-tracing/name-segments.ts';
import { roleByKeys } from './roles.ts';
import type { Names, Use, UsePart } from './uses.ts';
import { ValuesFile } from './values-file.ts';

/**
 * Returns the images that a values file names, read by its keys as discovery reads values: `image`, and `repository` with
 * `registry`, `tag` and `digest` beside it.
 * @param path absolute
 * @throws AirgapError `file` if it cannot be read or is not YAML with a mapping
 */
export async function keyedUses(path: string, names: Names): Promise<Use[]> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new AirgapError('file', `${path} cannot be read: ${reasonOf(cause)}`, { cause });
  });
  const file = new ValuesFile({ file: path }, text);
  if (file.problem !== undefined) {
    throw new AirgapError('file', `${path}: not YAML, ${file.problem}`, { hint: 'give values files of Helm charts' });
  }
  const values = file.values();
  if (!isMapping(values)) return [];
  const uses = new Map<string, Use>();
  for (const { path: keys } of imageLeaves(values)) {
    const use = useAt(file, values, keys, names);
    if (use !== undefined) uses.set(JSON.stringify(use.forms.flat().map(({ name }) => name?.path)), use);
  }
  return [...uses.values()];
}

function useAt(file: ValuesFile, values: unknown, keys: KeyPath, names: Names): Use | undefined {
  const parent = keys.slice(0, -1);
  const beside = (pattern: RegExp): { readonly keys: KeyPath; readonly text: string } | undefined => {
    const siblings = valueAt(values, parent);
    const found = isMapping(siblings) ? Object.entries(siblings).find(([key]) => pattern.test(key)) : undefined;
    const isText = typeof found?.[1] === 'string' || typeof found?.[1] === 'number';
    return found === undefined || !isText || found[1] === ''
      ? undefined
      : { keys: [...parent, found[0]], text: String(found[1]) };
  };
  const part = (at: KeyPath, name: string, isHost: boolean): UsePart => {
    const scalar = file.scalarAt(at);
    const components = name.split('/');
    const hostFirst = isHost || (components.length > 1 && /[.:]/.test(components[0] ?? ''));
    const located = scalar === undefined ? `${formatPath(at)} is an alias` : { ...scalar, file, keys: at };
    return {
      text: name,
      name: names.of({ text: name, hostFirst, start: 0, path: formatPath(at), scalar: located }, components, file.file),
      isWhole: true,
    };
  };
  const text = String(valueAt(values, keys));
  const name = withoutTagAndDigest(text);
  const registry = /[.:]/.test(name.split('/')[0] ?? '') && name.includes('/') ? undefined : beside(/^registry$/i);
  const isTagged = text !== name;
  const tag = isTagged ? undefined : beside(/^(?:tag|imageTag|version)$/i)?.text;
  const digest = text.includes('@') ? undefined : beside(/^(?:digest|sha|sha256)$/i)?.text;
  const ending = `${text.slice(name.length)}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${withAlgorithm(digest)}`}`;
  const parts = [
    ...(registry === undefined ? [] : [part(registry.keys, registry.text, true), { text: '/' }]),
    part(keys, name, false),
    ...(ending === '' ? [] : [{ text: ending }]),
  ];
  const written = parts.map((one) => one.text).join('');
  const reference = tryParseReference(written);
  if (reference === undefined) return undefined;
  return { reference: formatReference(reference), written, forms: [parts], chart: '', role: roleByKeys(keys) };
}

function withAlgorithm(digest: string): string {
  return /^[0-9a-f]{64}$/.test(digest) ? `sha256:${digest}` : digest;
}
