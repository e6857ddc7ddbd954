import type { RenderedDocument } from '../helm/documents.ts';
import { headOf } from '../helm/head.ts';
import { isText } from './payload.ts';

/**
 * Cheap tests on raw text, made before anything is parsed: parsing YAML is nearly all of discovery's cost, and most of
 * a large chart (schemas, dashboards, alert rules) cannot hold a reference.
 */

/** Kinds that describe or permit and never run: schema text and RBAC rules name many things that look like images. */
const SILENT_KINDS = new Set([
  'CustomResourceDefinition',
  'Role',
  'RoleBinding',
  'ClusterRole',
  'ClusterRoleBinding',
  'ValidatingAdmissionPolicy',
  'APIService',
]);

/** A key, or a reference's last part with what is before it. */
const HINTS = /image|repositor|registry|_REPO|[\w.-]\/[\w.-]+[:@]\w|@sha256:/i;
/** What may spell any of these otherwise: escapes of letters, a line folded in the middle of a word, tags (`!!binary`). */
const DISGUISES = /\\[xuU/\r\n\u0085\u2028\u2029]|!!|!</;
const BLOB = /[A-Za-z0-9+/]{24,}/g;

/** Whether objects of this kind are never evidence. */
export function isSilent(kind: unknown): boolean {
  return typeof kind === 'string' && SILENT_KINDS.has(kind);
}

/** Whether a text can hold a reference at all. */
export function mayHoldReference(text: string): boolean {
  return HINTS.test(text) || DISGUISES.test(text) || holdsEncodedText(text);
}

/** Whether something in base64 decodes to text; names and paths that only look like it do not. */
function holdsEncodedText(text: string): boolean {
  for (const [blob] of text.matchAll(BLOB)) {
    // The beginning tells text from chance; its last character may be cut off.
    const start = Buffer.from(blob.slice(0, 64), 'base64')
      .toString('utf8')
      .replace(/\ufffd$/, '');
    if (isText(start)) return true;
  }
  return false;
}

const known = new WeakMap<object, boolean>();

/**
 * Whether a manifest must be parsed: base64 in a Secret may be too short for its text to show, and what does not show its
 * kind beyond doubt may be anything. Looked at once for each document; several passes over a render ask.
 */
export function isRelevant(document: Pick<RenderedDocument, 'text'>): boolean {
  const answer = known.get(document) ?? mustBeParsed(document);
  known.set(document, answer);
  return answer;
}

function mustBeParsed(document: Pick<RenderedDocument, 'text'>): boolean {
  const head = headOf(document);
  if (head === undefined) return true;
  if (isSilent(head.kind)) return false;
  return head.kind === 'Secret' || mayHoldReference(document.text);
}
