import type { RenderedDocument } from '../helm/documents.ts';
import { typeMetaOf } from '../helm/type-meta.ts';
import { mayContainArtifact } from './artifact-fields.ts';
import { isText } from './payload.ts';

/**
 * Fast tests on raw text before anything is parsed. Parsing YAML is nearly all of the cost of discovery, and most of a
 * large chart (schemas, dashboards, alert rules) cannot contain a reference.
 */

/**
 * Kinds that describe or permit and do not run anything. Schemas and RBAC rules contain many names that look like
 * images.
 */
const IGNORED_KINDS = new Set([
  'CustomResourceDefinition',
  'Role',
  'RoleBinding',
  'ClusterRole',
  'ClusterRoleBinding',
  'ValidatingAdmissionPolicy',
  'APIService',
]);

/** A key that names an image, or the end of a reference. */
const HINTS = /image|repositor|registry|_REPO|[\w.-]\/[\w.-]+[:@]\w|@sha256:/i;
/** Syntax that can encode these differently: character escapes, line folding inside a word, tags (`!!binary`). */
const ESCAPES = /\\[xuU/\r\n\u0085\u2028\u2029]|!!|!</;
const BASE64 = /[A-Za-z0-9+/]{24,}/g;

/** Reports whether objects of this kind are never evidence. */
export function isIgnoredKind(kind: unknown): boolean {
  return typeof kind === 'string' && IGNORED_KINDS.has(kind);
}

/** Reports whether a text can contain a reference. */
export function mayContainReference(text: string): boolean {
  return HINTS.test(text) || mayContainArtifact(text) || ESCAPES.test(text) || containsEncodedText(text);
}

/** Reports whether any base64 in the text decodes to text. Names and paths that look like base64 do not. */
function containsEncodedText(text: string): boolean {
  for (const [encoded] of text.matchAll(BASE64)) {
    // The first bytes are enough to recognize text; the last character may be cut off.
    const start = Buffer.from(encoded.slice(0, 64), 'base64')
      .toString('utf8')
      .replace(/\ufffd$/, '');
    if (isText(start)) return true;
  }
  return false;
}

const results = new WeakMap<object, boolean>();

/**
 * Reports whether a manifest must be parsed. Base64 in a Secret may be too short to be recognized, and a document of
 * unknown kind may contain anything. The result is cached for each document, because several passes over a render use
 * it.
 */
export function isRelevant(document: Pick<RenderedDocument, 'text'>): boolean {
  const result = results.get(document) ?? mustBeParsed(document);
  results.set(document, result);
  return result;
}

function mustBeParsed(document: Pick<RenderedDocument, 'text'>): boolean {
  const typeMeta = typeMetaOf(document);
  if (typeMeta === undefined) return true;
  if (isIgnoredKind(typeMeta.kind)) return false;
  return typeMeta.kind === 'Secret' || mayContainReference(document.text);
}
