import { type Document, isAlias, isMap } from 'yaml';
import { AirgapError } from '../../base/errors.ts';
import { readYamlDocuments } from '../../base/yaml-read.ts';
import { documentText } from '../../base/yaml-text.ts';
import type { Values } from '../../helm/render.ts';

/** A manifest that installs a chart already, with where in it the chart is named. */
export interface Carrier {
  /** The whole file; more documents may stand beside the one that counts. */
  readonly text: string;
  /** Which of its documents, counted from 0. */
  readonly document: number;
  /** Field that names the chart, `spec.source` or `items[1].spec.sources[0]`. */
  readonly path: string;
}

export type Keys = readonly (string | number)[];

/**
 * The documents of a manifest for editing, comments and all.
 * @throws AirgapError `usage` when it is no YAML
 */
export function documentsOf(text: string): Document[] {
  const documents = readYamlDocuments(text, { merge: true }) as unknown as Document[];
  const error = documents.flatMap(({ errors }) => errors)[0];
  if (error !== undefined) {
    throw new AirgapError('usage', `the manifest is no YAML: ${error.message}`, {
      hint: 'give --from the manifest that carries the chart',
    });
  }
  return documents;
}

/** The documents as one text again. */
export function joined(documents: readonly Document[]): string {
  const texts = documents.map((document) => {
    return documentText(document)
      .replace(/^---\n/, '')
      .replace(/\n?$/, '\n');
  });
  return texts.join('---\n');
}

/** `items[1].spec.source` as keys. */
export function keysOf(path: string): Keys {
  return [...path.matchAll(/([^.[\]]+)|\[(\d+)\]/g)].map(([, key = '', index]) =>
    index === undefined ? key : Number(index),
  );
}

/** Lays values over those that stand at some keys, as Helm does: mappings are united, anything else is replaced. */
export function layOver(document: Document, keys: Keys, values: Values): void {
  for (const [key, value] of Object.entries(values)) {
    const at = [...keys, key];
    const there = document.getIn(at, true);
    if (isAlias(there)) document.setIn(at, document.createNode(there.toJS(document)));
    const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (isMapping && isMap(document.getIn(at, true))) layOver(document, at, value as Values);
    else document.setIn(at, document.createNode(value, { aliasDuplicateObjects: false }));
  }
}
