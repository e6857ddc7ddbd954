import { inOneLine } from '../base/printable.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { REFUSAL_LIMIT, readSome } from '../http/read.ts';
import { pageText } from './web-page.ts';

/** Maximum errors to read from one response. */
const MOST = 8;
/** Maximum nesting of errors. */
const DEPTH = 4;
/** Maximum characters of each text quoted from a registry, and of the whole quote. */
const QUOTE = 300;
const QUOTE_ALL = 900;

/** One error of an error response (distribution specification, "Error Codes"). */
export interface Fault {
  readonly code: string;
  readonly message: string;
  /** Its detail as text or JSON. */
  readonly detail?: string;
}

/** Parsed body of an error response: its first error, and the others. All texts are one line and printable. */
export interface Complaint extends Fault {
  readonly others?: readonly Fault[];
  /** True for a web page, sent by a proxy, firewall or login portal instead of a registry. */
  readonly isWebPage?: boolean;
}

/** Reads the errors of a response; empty when there are none. Consumes the body. */
export async function readComplaint(response: HttpResponse): Promise<Complaint> {
  return parseComplaint(await readSome(response, REFUSAL_LIMIT));
}

/**
 * Parses the body of an error response. The specification allows "any format": JSON of another structure (Artifactory,
 * Nexus, Gitea, Google), XML (S3, Azure Storage), a web page (proxies and firewalls) or text. The format is detected
 * from the content, since the content type is often wrong.
 */
export function parseComplaint(bytes: Uint8Array): Complaint {
  const text = Buffer.from(bytes.subarray(0, REFUSAL_LIMIT)).toString('utf8').trim();
  // Binary content, such as a compressed body, is ignored.
  if (text === '' || text.includes('\ufffd') || text.includes('\0')) return { code: '', message: '' };
  const page = pageText(text);
  if (page !== undefined) return { code: '', message: page, isWebPage: true };
  if (text.startsWith('<')) {
    return { code: element(text, 'Code'), message: element(text, 'Message') || clean(text) };
  }
  const [first, ...others] = faultsOf(text);
  return { ...(first ?? { code: '', message: '' }), ...(others.length === 0 ? {} : { others }) };
}

/** Returns all errors of a body. */
export function allFaults(complaint: Complaint): readonly Fault[] {
  return [complaint, ...(complaint.others ?? [])];
}

/** Quotes all errors in a length suitable for a message. */
export function quoteComplaint(complaint: Complaint, withDetail: boolean): string {
  const said = allFaults(complaint).map(({ code, message, detail }) =>
    [code, message, withDetail ? detail : undefined]
      .map((part) => cut(part ?? '', QUOTE))
      .filter(Boolean)
      .join(': '),
  );
  return cut([...new Set(said)].filter(Boolean).join('; '), QUOTE_ALL);
}

function faultsOf(text: string): Fault[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return [{ code: '', message: clean(text) }];
  }
  const { errors } = fields(json);
  return Array.isArray(errors) ? errors.slice(0, MOST).map((error) => faultOf(error)) : [faultOf(json)];
}

/**
 * Parses one error. Accepts `{"message"}`, `{"error"}`, problem details (RFC 9457), OAuth errors and plain text, too.
 */
function faultOf(value: unknown, depth = 0): Fault {
  const { code, message, detail, error, ...rest } = fields(value);
  const isWrapped = message === undefined && typeof error === 'object' && error !== null;
  if (isWrapped && depth < DEPTH) return faultOf(error, depth + 1);
  const [said = ''] = [message, rest.error_description, error, rest.title, rest.reason, rest.msg]
    .map(clean)
    .filter(Boolean);
  const more = clean(detail);
  if (said === '') return { code: clean(code), message: more || (code === undefined ? clean(value) : '') };
  return { code: clean(code), message: said, ...(more === '' ? {} : { detail: more }) };
}

function fields(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** Returns the text of the first XML element of this name. */
function element(text: string, name: string): string {
  const from = text.indexOf(`<${name}>`);
  const to = text.indexOf(`</${name}>`, from);
  return from < 0 || to < 0 ? '' : clean(text.slice(from + name.length + 2, to));
}

/** Converts an untrusted value to one line of printable text. */
function clean(value: unknown): string {
  if (value === undefined || value === null) return '';
  const json = typeof value === 'string' ? value : jsonOf(value);
  const text = json === '{}' || json === '[]' ? '' : json;
  return inOneLine(text);
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
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
