import type { ServedBlob } from './content.ts';

/** Range of a blob. */
export interface BlobRange {
  readonly blob: ServedBlob;
  /** First byte. */
  readonly start: number;
  /** Byte after the last. */
  readonly end: number;
}

/** Answer to a request, before it is sent. `Content-Length` is that of the body, which HEAD leaves out. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | BlobRange;
}

/** Error codes of the distribution specification 1.1, and `PAGINATION_NUMBER_INVALID` of its reference implementation. */
export type ErrorCode =
  | 'BLOB_UNKNOWN'
  | 'DIGEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'PAGINATION_NUMBER_INVALID'
  | 'TOOMANYREQUESTS'
  | 'UNAUTHORIZED'
  | 'UNSUPPORTED';

const NOTHING = new Uint8Array();

/** Returns an answer without a body. */
export function emptyAnswer(status: number, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers, body: NOTHING };
}

/** Returns an answer with a JSON document. */
export function jsonAnswer(
  document: object,
  headers: Readonly<Record<string, string>> = {},
  status = 200,
  mediaType = 'application/json',
): Answer {
  return { status, headers: { 'Content-Type': mediaType, ...headers }, body: Buffer.from(JSON.stringify(document)) };
}

/** Returns an error in the form of the distribution specification 1.1 ("Error Codes"). */
export function errorAnswer(
  status: number,
  code: ErrorCode,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return jsonAnswer({ errors: [{ code, message }] }, headers, status);
}
