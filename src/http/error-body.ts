import { collapseWhitespace } from '../base/printable.ts';
import type { HttpResponse } from './exchange.ts';
import { REFUSAL_LIMIT, readPrefix } from './response-body.ts';
import { pageText } from './web-page.ts';

/** Maximum errors to read from one response. */
const MAX_ENTRIES = 8;
/** Maximum nesting of errors. */
const MAX_DEPTH = 4;
/** Maximum characters of each text quoted from a registry, and of the whole quote. */
const MAX_TEXT_LENGTH = 300;
const MAX_QUOTE_LENGTH = 900;

/** One error of an error response (distribution specification, "Error Codes"). */
export interface ErrorEntry {
  readonly code: string;
  readonly message: string;
  /** Its detail as text or JSON. */
  readonly detail?: string;
}

/** Parsed body of an error response: its first error, and the others. All texts are one line and printable. */
export interface ErrorBody extends ErrorEntry {
  readonly others?: readonly ErrorEntry[];
  /** True for a web page, sent by a proxy, firewall or login portal instead of a registry. */
  readonly isWebPage?: boolean;
}

/** Reads the errors of a response; empty when there are none. Consumes the body. */
export async function readErrorBody(response: HttpResponse): Promise<ErrorBody> {
  return parseErrorBody(await readPrefix(response, REFUSAL_LIMIT));
}

/**
 * Parses the body of an error response. The specification allows "any format": JSON of another structure (Artifactory,
 * Nexus, Gitea, Google), XML (S3, Azure Storage), a web page (proxies and firewalls) or text. The format is detected
 * from the content, since the content type is often wrong.
 */
export function parseErrorBody(bytes: Uint8Array): ErrorBody {
  const text = Buffer.from(bytes.subarray(0, REFUSAL_LIMIT)).toString('utf8').trim();
  // Binary content, such as a compressed body, is ignored.
  if (text === '' || text.includes('\ufffd') || text.includes('\0')) return { code: '', message: '' };
  const page = pageText(text);
  if (page !== undefined) return { code: '', message: page, isWebPage: true };
  if (text.startsWith('<')) {
    return { code: elementText(text, 'Code'), message: elementText(text, 'Message') || toPrintable(text) };
  }
  const [first, ...others] = parseEntries(text);
  return { ...(first ?? { code: '', message: '' }), ...(others.length === 0 ? {} : { others }) };
}

/** Returns all errors of a body. */
export function errorEntries(errorBody: ErrorBody): readonly ErrorEntry[] {
  return [errorBody, ...(errorBody.others ?? [])];
}

/** Quotes all errors in a length suitable for a message. */
export function quoteErrorBody(errorBody: ErrorBody, withDetail: boolean): string {
  const texts = errorEntries(errorBody).map(({ code, message, detail }) =>
    [code, message, withDetail ? detail : undefined]
      .map((part) => cut(part ?? '', MAX_TEXT_LENGTH))
      .filter(Boolean)
      .join(': '),
  );
  return cut([...new Set(texts)].filter(Boolean).join('; '), MAX_QUOTE_LENGTH);
}

function parseEntries(text: string): ErrorEntry[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return [{ code: '', message: toPrintable(text) }];
  }
  const { errors } = fields(json);
  return Array.isArray(errors) ? errors.slice(0, MAX_ENTRIES).map((error) => parseEntry(error)) : [parseEntry(json)];
}

/**
 * Parses one error. Accepts `{"message"}`, `{"error"}`, problem details (RFC 9457), OAuth errors and plain text, too.
 */
function parseEntry(value: unknown, depth = 0): ErrorEntry {
  const { code, message, detail, error, ...rest } = fields(value);
  const isWrapped = message === undefined && typeof error === 'object' && error !== null;
  if (isWrapped && depth < MAX_DEPTH) return parseEntry(error, depth + 1);
  const [text = ''] = [message, rest.error_description, error, rest.title, rest.reason, rest.msg]
    .map(toPrintable)
    .filter(Boolean);
  const detailText = toPrintable(detail);
  if (text === '')
    return { code: toPrintable(code), message: detailText || (code === undefined ? toPrintable(value) : '') };
  return { code: toPrintable(code), message: text, ...(detailText === '' ? {} : { detail: detailText }) };
}

function fields(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** Returns the text of the first XML element of this name. */
function elementText(text: string, name: string): string {
  const from = text.indexOf(`<${name}>`);
  const to = text.indexOf(`</${name}>`, from);
  return from < 0 || to < 0 ? '' : toPrintable(text.slice(from + name.length + 2, to));
}

/** Converts an untrusted value to one line of printable text. */
function toPrintable(value: unknown): string {
  if (value === undefined || value === null) return '';
  const json = typeof value === 'string' ? value : jsonOf(value);
  const text = json === '{}' || json === '[]' ? '' : json;
  return collapseWhitespace(text);
}

/** Returns the JSON of a value; empty when it is nested too deeply to serialize. */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return '';
  }
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}...` : text;
}
