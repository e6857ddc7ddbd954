import { Readable } from 'node:stream';
import { AirgapError } from '../base/errors.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { discardBody, responseHeader } from '../http/response-body.ts';
import { retryableStatus } from '../http/retry.ts';
import type { Body } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { repositoryFromUrl } from './api-url.ts';
import { type RegistryResponse, registryError } from './errors.ts';
import { describeRoute, type RepositoryRoute } from './routes.ts';
import type { Session } from './session.ts';

/**
 * Returns the body of a blob. `open` resolves to the stream from the socket. Layers stored elsewhere (redirect, foreign
 * layer) are read from there without credentials. A stream that is cut off fails with AirgapError `network`;
 * `open(bytes so far)` resumes. A response of the wrong length is retried a few times, as is a storage URL whose
 * signature may have expired.
 */
export function blobBody(session: Session, route: RepositoryRoute, descriptor: Descriptor): Body {
  const what = describeRoute(route, descriptor.digest);
  return {
    size: descriptor.size,
    async open(offset = 0, signal, end = descriptor.size) {
      if (offset > 0 && offset >= descriptor.size) return Readable.from([]);
      for (let attempt = 1; ; attempt++) {
        const opened = await requestBlob(session, route, descriptor, { offset, end }, signal);
        if (opened instanceof Readable) return opened;
        const reason = opened.message;
        const failedAttempt = { what, attempt, reason, retryable: 'few', signal } as const;
        if (!(await session.transport.retrier.waitForRetry(failedAttempt))) throw opened;
      }
    },
  };
}

/** Bytes of a blob from `offset` up to `end`, exclusive. */
interface ByteRange {
  readonly offset: number;
  readonly end: number;
}

/** Requests a range of a blob. An error that may not occur again is returned; others are thrown. */
async function requestBlob(
  session: Session,
  route: RepositoryRoute,
  descriptor: Descriptor,
  range: ByteRange,
  signal?: AbortSignal,
): Promise<Readable | AirgapError> {
  const what = describeRoute(route, descriptor.digest);
  const { digest } = descriptor;
  const shared = { method: 'GET', what, signal } as const;
  const result = await openRange(descriptor, range, what, (rangeHeaders) =>
    session.send({
      ...shared,
      headers: rangeHeaders,
      repository: route.actual,
      actions: 'pull',
      endpoint: { kind: 'blobs', digest },
    }),
  );
  if (!('status' in result)) return result;
  const { status } = result;
  // For a foreign layer, registries return 404 (not stored) or 403 (not distributable).
  for (const url of status === 404 || status === 403 ? foreignUrls(descriptor) : []) {
    const foreign = await openRange(descriptor, range, what, (rangeHeaders) =>
      session.transport.request({ ...shared, headers: rangeHeaders, url }),
    );
    await discardBody('status' in foreign ? foreign : result);
    if (!('status' in foreign)) return foreign;
  }
  const error = await registryError(result, { what, registry: route.actual.registry });
  // A cached redirect may lead to a signed URL that has expired: 403 of S3, CloudFront and Azure, 400 of Google.
  if ((status === 403 || status === 400) && repositoryFromUrl(result.url) === undefined) return error;
  throw error;
}

/** Opens a range at one server. Returns its stream, an error that may not occur again, or an error response. */
async function openRange(
  descriptor: Descriptor,
  range: ByteRange,
  what: string,
  send: (rangeHeaders: RangeHeaders) => Promise<RegistryResponse>,
): Promise<Readable | AirgapError | RegistryResponse> {
  const rangeHeaders = rangeHeadersFor(range, descriptor);
  let response = await send(rangeHeaders);
  if (rangeHeaders.range !== undefined && !answersRange(response, descriptor, range)) {
    // Rejected because of the range (416 of go-containerregistry's registry for an open one, 400 of storage), or
    // another range.
    if (range.end < descriptor.size) {
      response.body.destroy();
      throw new AirgapError('unsupported', `${response.url.host} did not return the requested range`, {
        subject: what,
      });
    }
    await discardBody(response);
    response = await send({});
  }
  return response.status === 200 || response.status === 206
    ? alignToOffset(response, descriptor, range, what)
    : response;
}

/** Reports whether a response settles a range request: the range, the whole blob, or an error of another cause. */
function answersRange(
  { status, headers }: RegistryResponse,
  { size }: Descriptor,
  { offset, end }: ByteRange,
): boolean {
  if (status === 200) return end === size;
  // 403 means an expired signed URL: the registry issues a new one, and known bytes need not be read again.
  if (status !== 206) return status < 400 || [401, 403, 404].includes(status) || retryableStatus(status) !== 'no';
  const { first, next, total } = contentRange(headers['content-range']);
  return (total !== undefined && total !== size) || (first === offset && next === end);
}

/**
 * Parses `bytes 5-9/10` (RFC 9110, 14.4); `next` is the offset after the last byte. All undefined when it is invalid.
 */
function contentRange(value: string | string[] | undefined): { first?: number; next?: number; total?: number } {
  const [, first, last, total] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(String(value).trim()) ?? [];
  if (first === undefined) return {};
  return { first: Number(first), next: Number(last) + 1, ...(total !== '*' && { total: Number(total) }) };
}

/**
 * Reports whether a repository has a blob. A blob of another length (truncated when stored) does not count; a wrong
 * length in a HEAD response (0 from some proxies) is checked with GET.
 */
export async function headBlob(session: Session, route: RepositoryRoute, descriptor: Descriptor): Promise<boolean> {
  const what = describeRoute(route, descriptor.digest);
  for (const method of ['HEAD', 'GET'] as const) {
    const response = await session.send({
      method,
      repository: route.actual,
      actions: 'pull',
      endpoint: { kind: 'blobs', digest: descriptor.digest },
      what,
    });
    const { status } = response;
    if (status !== 200 && status !== 404)
      throw await registryError(response, { what, registry: route.actual.registry });
    const length = responseHeader(response, 'content-length');
    if (method === 'HEAD') response.body.resume();
    else response.body.destroy();
    if (status === 404) return false;
    if (length === undefined || Number(length) === descriptor.size) return true;
  }
  return false;
}

/** Advances the stream to the offset, and checks its length against the descriptor. */
async function alignToOffset(
  response: HttpResponse,
  { size }: Descriptor,
  { offset, end }: ByteRange,
  what: string,
): Promise<Readable | AirgapError> {
  const { body, status, url } = response;
  const reject = (message: string): AirgapError => {
    body.destroy();
    return new AirgapError('digest-mismatch', `${url.host} ${message}`, { subject: what });
  };
  const { first = 0, total = size } = status === 206 ? contentRange(response.headers['content-range']) : {};
  if (total !== size) return reject(`has ${total} bytes, but the manifest says ${size}`);
  if (first > offset) return reject(`sent a range from byte ${first} on that was not requested`);
  const length = responseHeader(response, 'content-length');
  if (length !== undefined && Number(length) + first !== end) {
    // A captive portal or a filter answers with a web page.
    const type = /^text\/html\b/i.test(responseHeader(response, 'content-type') ?? '') ? ' of text/html' : '';
    return reject(`has ${Number(length) + first} bytes${type}, but the manifest says ${end}`);
  }
  // The server ignored the range: known bytes are read and dropped.
  if (first < offset) await skip(body, offset - first);
  return body;
}

/** Headers of a range request. */
type RangeHeaders = { readonly range: string } | Record<string, never>;

/** Returns the Range header (RFC 9110, 14.2); none for the whole blob, since not every registry supports ranges. */
function rangeHeadersFor({ offset, end }: ByteRange, { size }: Descriptor): RangeHeaders {
  if (end < size) return { range: `bytes=${offset}-${end - 1}` };
  return offset > 0 ? { range: `bytes=${offset}-` } : {};
}

/** Reads and drops `count` bytes of a stream, and leaves it paused after them. */
async function skip(body: Readable, count: number): Promise<void> {
  let remaining = count;
  while (remaining > 0) {
    const chunk: Buffer | null = body.read();
    if (chunk === null) {
      if (body.errored) throw body.errored;
      if (body.readableEnded || body.destroyed) return;
      await new Promise<void>((resolve) => {
        const events = ['readable', 'end', 'close', 'error'] as const;
        const done = (): void => {
          for (const event of events) body.off(event, done);
          resolve();
        };
        for (const event of events) body.on(event, done);
      });
      continue;
    }
    if (chunk.length > remaining) body.unshift(chunk.subarray(remaining));
    remaining -= Math.min(remaining, chunk.length);
  }
}

function foreignUrls({ urls = [] }: Descriptor): URL[] {
  return urls.filter((url) => /^https?:\/\//i.test(url) && URL.canParse(url)).map((url) => new URL(url));
}
