import { type Document, isAlias, isMap } from 'yaml';
import { AirgapError } from '../../base/errors.ts';
import type { KeyPath } from '../../base/field-path.ts';
import { isMapping } from '../../base/mapping.ts';
import { readYamlDocuments } from '../../base/yaml-read.ts';
import { documentText } from '../../base/yaml-text.ts';
import type { Values } from '../../helm/render.ts';
import { commentBlock } from './format.ts';

/** Existing manifest that installs the chart, and the position of the chart in it. */
export interface HostManifest {
  /** Whole file, which may hold further documents. */
  readonly text: string;
  /** Index of the document, from 0. */
  readonly document: number;
  /** Field that names the chart: `spec.source` or `items[1].spec.sources[0]`. */
  readonly path: string;
}

/**
 * Parses the documents of a manifest for editing; comments are kept.
 * @throws AirgapError `usage` if it is not valid YAML
 */
export function parseDocuments(text: string): Document[] {
  const documents = readYamlDocuments(text, { merge: true }) as unknown as Document[];
  const error = documents.flatMap(({ errors }) => errors)[0];
  if (error !== undefined) {
    throw new AirgapError('usage', `the manifest given with --from is not valid YAML: ${error.message}`, {
      hint: 'specify the manifest that installs the chart',
    });
  }
  return documents;
}

/** Joins documents to one text. */
export function joinDocuments(documents: readonly Document[]): string {
  const texts = documents.map((document) => {
    return documentText(document)
      .replace(/^---\n/, '')
      .replace(/\n?$/, '\n');
  });
  return texts.join('---\n');
}

/**
 * Merges values into a document at some keys, as `overlayValues` does for plain values (base/mapping.ts): here nodes are
 * replaced one by one, so that comments and the style of the rest are kept.
 */
export function mergeValues(document: Document, keys: KeyPath, values: Values): void {
  for (const [key, value] of Object.entries(values)) {
    const path = [...keys, key];
    const existing = document.getIn(path, true);
    if (isAlias(existing)) document.setIn(path, document.createNode(existing.toJS(document)));
    if (isMapping(value) && isMap(document.getIn(path, true))) mergeValues(document, path, value);
    else document.setIn(path, document.createNode(value, { aliasDuplicateObjects: false }));
  }
}

/** Last line of the head above a manifest. */
const HEAD_END = 'The manifest given with --from, with these overrides:';

/** Puts the result of the proof above a manifest, by which a later run recognizes the file. */
export function withHead(header: readonly string[], text: string): string {
  return commentBlock([...header, HEAD_END]) + text;
}

/** Removes the head that an earlier run has put above a manifest. */
export function withoutHead(text: string): string {
  const end = commentBlock([HEAD_END]);
  const position = text.indexOf(end);
  const isHead = text
    .slice(0, Math.max(0, position))
    .split('\n')
    .every((line) => line === '' || line.startsWith('# '));
  return position < 0 || !isHead ? text : text.slice(position + end.length);
}
