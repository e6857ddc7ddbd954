import type { Refusal } from '../auth/refusal.ts';
import { AirgapError, type ErrorCode } from '../base/errors.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { withoutTls } from '../http/failures.ts';
import { headerOf, readSome } from '../http/read.ts';
import { apiHost } from './hosts.ts';

/** Bytes of an error's body that are looked at. */
const LIMIT = 64 * 1024;
/** Characters that are passed on of each of a registry's own words. */
const QUOTE = 400;
/** ENOSPC and EDQUOT, as text and as docker-registry prints the number of an error of the system (Linux). */
const NO_SPACE = /no space left on device|disk quota exceeded|"Err":(?:28|122)\b/i;

/** An answer of a registry. */
export interface RegistryResponse extends HttpResponse {
  /** Of a 401 or 403 of the registry itself: which credentials were tried. */
  readonly refusal?: Refusal;
}

/** What servers with TLS say to plain HTTP: Go's, nginx, Apache's. All answer 400, and to HEAD without a text. */
const NEEDS_TLS =
  /HTTP request to an HTTPS server|plain HTTP request was sent to HTTPS port|speaking plain HTTP to an SSL/;

/** What a registry said in `errors` of its answer (distribution specification, "Error Codes"). */
export interface Complaint {
  readonly code: string;
  readonly message: string;
  /** What it said beside the message, as it stands: text or JSON. */
  readonly detail?: string;
}

/** Reads the first error of an answer; empty when the registry gave none. The body is consumed. */
export async function readComplaint(response: HttpResponse): Promise<Complaint> {
  return parseComplaint(await readSome(response, LIMIT), response);
}

/** The same from a body that has been read. */
export function parseComplaint(bytes: Uint8Array, response: HttpResponse): Complaint {
  const text = Buffer.from(bytes).toString('utf8');
  try {
    const { errors } = JSON.parse(text) as { errors?: { code?: unknown; message?: unknown; detail?: unknown }[] };
    const first = errors?.[0];
    const [message, detail] = [clean(first?.message), clean(first?.detail)];
    return message === ''
      ? { code: clean(first?.code), message: detail }
      : { code: clean(first?.code), message, detail };
  } catch {
    const plain = (headerOf(response, 'content-type') ?? '').startsWith('text/plain');
    const [words] = NEEDS_TLS.exec(text) ?? [];
    if (words !== undefined) return { code: '', message: words };
    return { code: '', message: plain ? clean(text) : '' };
  }
}

/** What was asked, for the error of a status that was not hoped for. */
export interface Request {
  /** The beginning of the sentence: repository and reference. */
  readonly what: string;
  /** The registry as people write it, for the login hint. */
  readonly registry: string;
  readonly writes?: boolean;
}

/** The error for an answer that is not a success; consumes the body. */
export async function registryError(response: RegistryResponse, request: Request): Promise<AirgapError> {
  return complain(response, await readComplaint(response), request);
}

/** The same, with the body read already. */
export function complain(response: RegistryResponse, complaint: Complaint, request: Request): AirgapError {
  const { what, registry, writes = false } = request;
  const { status } = response;
  const host = response.url.host;
  // What went wrong inside stands there and nowhere else. Of who may not do what, and what is not there, the sentence says more.
  const detail = status === 400 || status >= 500 ? complaint.detail : undefined;
  const words = [complaint.code, complaint.message, detail].map(quote).filter(Boolean).join(': ');
  const said = `${host} answers ${status}${words === '' ? '' : ` (${words})`}`;
  const error = (code: ErrorCode, message: string, hint?: string): AirgapError =>
    new AirgapError(code, `${what}: ${message}`, hint === undefined ? {} : { hint });
  if (response.refusal !== undefined && (status === 401 || status === 403)) {
    const { message, hint } = response.refusal;
    return error(status === 401 ? 'unauthorized' : 'forbidden', `${message}; ${said}`, hint);
  }
  if (status === 401) {
    const hint = `log in with: helm registry login ${registry}; many registries answer so for a repository that does not exist, too`;
    return error('unauthorized', `no access without valid credentials; ${said}`, hint);
  }
  if (status === 403 && host !== apiHost(registry)) {
    const hint = 'the storage of a registry has to admit this machine, too; for ECR that is the S3 gateway endpoint';
    return error('forbidden', `the storage that ${registry} names does not allow this; ${said}`, hint);
  }
  if (status === 403) return error('forbidden', `the credentials do not allow this; ${said}`);
  if (status === 404 && complaint.code === 'BLOB_UPLOAD_UNKNOWN') {
    const hint = 'run the same command again; instances behind one name have to share their storage and their secret';
    return error('registry', `the registry has lost the upload; ${said}`, hint);
  }
  if (status === 404 && writes) {
    const hint =
      'ECR and some others want a repository to exist before something is pushed to it: create it, or have it created';
    return error('image-not-found', `no such repository; ${said}`, hint);
  }
  if (status === 404) return error('image-not-found', `not found; ${said}`, 'check the name and the tag');
  if (writes && (status === 405 || status === 415 || /^(?:UNSUPPORTED|MANIFEST_INVALID)$/.test(complaint.code))) {
    return error('unsupported', `the registry does not take it; ${said}`);
  }
  if (status === 429) {
    const hint = `log in (helm registry login ${registry}) for a higher limit, wait, or read through a mirror`;
    return error('registry', `too many requests; ${said}`, hint);
  }
  if (status >= 500 && NO_SPACE.test(`${complaint.message} ${complaint.detail}`)) {
    return error(
      'registry',
      `the registry has no space left; ${said}`,
      'make room where the registry keeps its content',
    );
  }
  if (status === 400 && complaint.code === '' && response.url.protocol === 'http:') {
    const needsTls = NEEDS_TLS.test(complaint.message);
    return error('registry', needsTls ? `${host} has TLS, and was spoken to without; ${said}` : said, withoutTls(host));
  }
  return error('registry', said);
}

/** One line of printable text: it comes from outside. */
function clean(value: unknown): string {
  if (value === undefined || value === null) return '';
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
}

/** Not too much of it. */
function quote(line: string | undefined): string | undefined {
  return line !== undefined && line.length > QUOTE ? `${line.slice(0, QUOTE)}…` : line;
}
