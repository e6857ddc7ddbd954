import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { AirgapError } from '../base/errors.ts';
import type { HttpResponse } from './exchange.ts';

/** Bytes of a body that is thrown away before the connection is worth less than the waiting. */
const DISCARD_LIMIT = 256 * 1024;

/** Bytes of a refusal's body that are looked at. */
export const REFUSAL_LIMIT = 64 * 1024;

/** How gzip begins (RFC 1952, 2.3.1). */
const GZIP = Buffer.from([0x1f, 0x8b]);

/**
 * Reads a body that has to be small, as it was before a proxy compressed it: some do, whatever they are asked for.
 * @throws AirgapError `registry` when it is larger than `limit` bytes, `network` when it breaks off
 */
export async function readBytes(response: HttpResponse, limit: number, what: string): Promise<Uint8Array> {
  const { body, url } = response;
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Events, not an iterator, which costs as much as the rest of a small request.
  await new Promise<void>((resolve, reject) => {
    body.on('error', reject).on('end', resolve);
    body.on('close', () => body.readableEnded || reject(new Error('the connection was closed')));
    body.on('data', (chunk: Uint8Array) => {
      length += chunk.length;
      chunks.push(chunk);
      if (length > limit) {
        body.destroy(new AirgapError('registry', `${what}: ${url.host} answers with more than ${limit} bytes`));
      }
    });
  });
  const bytes = Buffer.concat(chunks);
  // The header alone says little: some set it on what is not compressed.
  const isCompressed = /^(?:x-)?gzip$/i.test(headerOf(response, 'content-encoding') ?? '');
  if (!isCompressed || !bytes.subarray(0, GZIP.length).equals(GZIP)) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: limit });
  } catch {
    throw new AirgapError(
      'registry',
      `${what}: ${url.host} answers with gzip that is damaged, or of more than ${limit} bytes`,
    );
  }
}

/** Reads at most `limit` bytes and gives up on the rest: for bodies of errors, which matter but must not do harm. */
export async function readSome(response: HttpResponse, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= limit) break;
    }
  } catch {
    // What is missing of an error's text does not change what it says.
  }
  return Buffer.concat(chunks).subarray(0, limit);
}

/** Reads the beginning of a refusal's body, and puts it back. */
export async function peek(
  response: HttpResponse,
): Promise<{ readonly bytes: Uint8Array; readonly response: HttpResponse }> {
  const bytes = await readSome(response, REFUSAL_LIMIT);
  return { bytes, response: { ...response, body: Readable.from([bytes]) } };
}

/** Throws a body away so that its connection can be used again, or closes the connection when the body is long. */
export async function discard(response: HttpResponse): Promise<void> {
  const length = Number(headerOf(response, 'content-length') ?? Number.NaN);
  // A short one comes to its end without anybody waiting for it.
  if (length <= DISCARD_LIMIT) response.body.resume();
  else await readSome(response, DISCARD_LIMIT);
}

/** One header's value; of several, the first. */
export function headerOf(response: HttpResponse, name: string): string | undefined {
  const value = response.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
