import { inOneLine } from '../base/printable.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { REFUSAL_LIMIT, readSome } from '../http/read.ts';
import { pageText } from './web-page.ts';

/** Errors of one answer that are looked at. */
const MOST = 8;
/** How deep an error may be in other errors. */
const DEPTH = 4;
/** Characters that are passed on of each of a registry's own words, and of all of them. */
const QUOTE = 300;
const QUOTE_ALL = 900;

/** One error of an answer (distribution specification, "Error Codes"). */
export interface Fault {
  readonly code: string;
  readonly message: string;
  /** What it said beside the message, as it stands: text or JSON. */
  readonly detail?: string;
}

/** What an answer that is no success says: its first error, and the others. All are one line of printable text. */
export interface Complaint extends Fault {
  readonly others?: readonly Fault[];
  /** The body is a web page: a proxy, firewall or login portal answered, and no registry. */
  readonly isWebPage?: boolean;
}

/** Reads the errors of an answer; empty when it gave none. The body is consumed. */
export async function readComplaint(response: HttpResponse): Promise<Complaint> {
  return parseComplaint(await readSome(response, REFUSAL_LIMIT));
}

/**
 * The same from a body that has been read. The specification lets registries answer "in any format": JSON of their own
 * (Artifactory, Nexus, Gitea, Google), XML (S3, Azure's storage), a web page (whatever stands before a registry) or text.
 * The content tells, not its type, which is often wrong.
 */
export function parseComplaint(bytes: Uint8Array): Complaint {
  const text = Buffer.from(bytes.subarray(0, REFUSAL_LIMIT)).toString('utf8').trim();
  // What is no text, as a compressed body, says nothing.
  if (text === '' || text.includes('\ufffd') || text.includes('\0')) return { code: '', message: '' };
  const page = pageText(text);
  if (page !== undefined) return { code: '', message: page, isWebPage: true };
  if (text.startsWith('<')) {
    return { code: element(text, 'Code'), message: element(text, 'Message') || clean(text) };
  }
  const [first, ...others] = faultsOf(text);
  return { ...(first ?? { code: '', message: '' }), ...(others.length === 0 ? {} : { others }) };
}

/** Every error of a complaint. */
export function allFaults(complaint: Complaint): readonly Fault[] {
  return [complaint, ...(complaint.others ?? [])];
}

/** All that was said, in a length that fits into a sentence. */
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

/** Other shapes than the specification's: `{"message"}`, `{"error"}`, problem details (RFC 9457), OAuth's, a bare text. */
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

/** The text of the first XML element of this name. */
function element(text: string, name: string): string {
  const from = text.indexOf(`<${name}>`);
  const to = text.indexOf(`</${name}>`, from);
  return from < 0 || to < 0 ? '' : clean(text.slice(from + name.length + 2, to));
}

/** One line of printable text: it comes from outside. */
function clean(value: unknown): string {
  if (value === undefined || value === null) return '';
  const json = typeof value === 'string' ? value : jsonOf(value);
  const text = json === '{}' || json === '[]' ? '' : json;
  return inOneLine(text);
}

/** JSON of a value; empty for what is nested more deeply than it can be written. */
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
