import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { AirgapError } from '../base/errors.ts';
import type { HttpResponse } from './exchange.ts';

/** Bytes of a body to discard before closing the connection is cheaper than reading on. */
const DISCARD_LIMIT = 256 * 1024;

/** Bytes of an error response's body to read. */
export const REFUSAL_LIMIT = 64 * 1024;

/** Magic number of gzip (RFC 1952, 2.3.1). */
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);

/**
 * Reads a small body to its end. Undoes gzip, which some proxies apply despite `accept-encoding: identity`.
 * @throws AirgapError `registry` when it is larger than `limit` bytes, `network` when it is cut off
 */
export async function readBody(response: HttpResponse, limit: number, what: string): Promise<Uint8Array> {
  const { body, url } = response;
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > limit)
      throw new AirgapError('registry', `${url.host} sent more than ${limit} bytes`, { subject: what });
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  // The header is not enough: some servers set it on uncompressed bodies.
  const isCompressed = /^(?:x-)?gzip$/i.test(responseHeader(response, 'content-encoding') ?? '');
  if (!isCompressed || !bytes.subarray(0, GZIP_MAGIC.length).equals(GZIP_MAGIC)) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: limit });
  } catch {
    throw new AirgapError('registry', `${url.host} sent a gzip body that is damaged or larger than ${limit} bytes`, {
      subject: what,
    });
  }
}

/** Reads at most `limit` bytes, ignoring failures: for the bodies of error responses. */
export async function readPrefix(response: HttpResponse, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= limit) break;
    }
  } catch {
    // An incomplete error text is still useful.
  }
  return Buffer.concat(chunks).subarray(0, limit);
}

/** Reads the beginning of an error response's body, and returns a response with that as its body. */
export async function peekBody(
  response: HttpResponse,
): Promise<{ readonly bytes: Uint8Array; readonly response: HttpResponse }> {
  const bytes = await readPrefix(response, REFUSAL_LIMIT);
  return { bytes, response: { ...response, body: Readable.from([bytes]) } };
}

/** Discards a body so that its connection can be reused; closes the connection when the body is long. */
export async function discardBody(response: HttpResponse): Promise<void> {
  const length = Number(responseHeader(response, 'content-length') ?? Number.NaN);
  // A short body ends on its own; no need to wait.
  if (length <= DISCARD_LIMIT) response.body.resume();
  else await readPrefix(response, DISCARD_LIMIT);
}

/** Returns the value of a header, or its first value if it is repeated. */
export function responseHeader(response: HttpResponse, name: string): string | undefined {
  const value = response.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
