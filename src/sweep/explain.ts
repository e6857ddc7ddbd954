import type { TextAt } from './strings.ts';

/** Where a name stands, in the words of a report, if nothing pulls it from there. */
export type Explanation =
  | 'schema text of a custom resource definition'
  | 'a comment'
  | 'documentation'
  | 'a label or a descriptive annotation'
  | 'the status of an object'
  | 'an address of the web pages or the API of a registry'
  | 'an e-mail address';

/** Keys of texts for people. `_example` by Knative's convention. */
const DESCRIBING =
  /^(?:description|summary|title|message|help(?:_?text)?|notes?|comment|documentation|docs?|readme|usage|instructions?|(?:long|short)Description|displayName|tooltip|changelog|changes|license|runbook|markdown|_example)$/i;
const DOCUMENT = /\.(?:md|markdown|adoc|rst|html?|example|sample)$|^(?:readme|notes|license|changelog)(?:\.txt)?$/i;
/** Annotations for catalogs and people. */
const DESCRIPTIVE_ANNOTATION =
  /^(?:artifacthub\.io\/|meta\.helm\.sh\/|operators\.operatorframework\.io\/|kubectl\.kubernetes\.io\/|(?:[\w.-]+\/)?(?:description|display-name|documentation|support|homepage|repository|source|createdAt)$)/;
/** Keywords of a schema whose texts are no values. */
const SCHEMA_WORDS = new Set(['description', 'pattern', 'enum', 'example', 'title', 'format']);

/**
 * Returns why nothing pulls a name from where it stands; undefined if something may.
 * @param before the line up to the name
 */
export function explanationOf(
  { keys, kind }: Pick<TextAt, 'keys' | 'kind'>,
  name: string,
  before: string,
): Explanation | undefined {
  if (kind === 'CustomResourceDefinition' && !isDefault(keys)) return 'schema text of a custom resource definition';
  if (keys[0] === 'status') return 'the status of an object';
  const annotations = keys.indexOf('annotations');
  if (keys.includes('labels') || (annotations >= 0 && DESCRIPTIVE_ANNOTATION.test(keys[annotations + 1] ?? '')))
    return 'a label or a descriptive annotation';
  if (keys.some((key) => DESCRIBING.test(key) || DOCUMENT.test(key))) return 'documentation';
  if (/^\s*(?:#|\/\/|--\s|;|\*\s|<!--|\{\{-?\s*\/\*)/.test(before) || /\s(?:#|\/\/)\s/.test(before)) return 'a comment';
  if (/[\w.+-]@$/.test(before)) return 'an e-mail address';
  if (/https?:\/\/$/.test(before) && WEB_PAGE.test(name)) return 'an address of the web pages or the API of a registry';
  const key = /^[\s-]*["']?([A-Za-z_][\w.-]*)["']?\s*[:=]/.exec(before)?.[1];
  return key !== undefined && DESCRIBING.test(key) ? 'documentation' : undefined;
}

const WEB_PAGE =
  /^(?:quay\.io\/(?:repository|organization|application)|(?:hub|docs|www)\.docker\.com|[\w.-]+\/(?:v[12]|token|auth|oauth2)(?:\/|$))/;

/** Reports whether keys lead to a default of a schema: objects without a value of their own get it. */
function isDefault(keys: readonly string[]): boolean {
  const schema = keys.lastIndexOf('openAPIV3Schema');
  const start = keys.indexOf('default', schema + 1);
  return schema >= 0 && start >= 0 && keys[start - 1] !== 'properties' && !SCHEMA_WORDS.has(keys.at(-1) ?? '');
}

/** Characters of a line that are looked at before a name: there may be many names in one long line. */
const MAX_BEFORE = 2000;

/** Returns the beginning of the line in which a name starts, up to the name. One that is too long begins with an ellipsis. */
export function lineBefore(text: string, start: number): string {
  const window = text.slice(Math.max(0, start - MAX_BEFORE), start);
  const newline = window.lastIndexOf('\n');
  return newline < 0 && start > MAX_BEFORE ? `…${window}` : window.slice(newline + 1);
}
