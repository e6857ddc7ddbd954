import { Readable } from 'node:stream';
import { AirgapError, type ErrorCode } from '../base/errors.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { discard, headerOf } from '../http/read.ts';
import type { Body } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { registryError } from './errors.ts';
import { describePlace, type Place } from './hosts.ts';
import type { Session } from './session.ts';

/**
 * A blob's body. `open` gives undici's stream as it comes from the socket, in pieces of up to 64 KiB; where the registry
 * keeps layers elsewhere (redirect, foreign layer) it comes from there, without credentials.
 * Breaking off in mid-body is an AirgapError `network`, after which `open(bytes so far)` continues. An answer of another
 * length than the blob's is asked for again, a few times.
 */
export function blobBody(session: Session, place: Place, descriptor: Descriptor): Body {
  const what = describePlace(place, descriptor.digest);
  return {
    size: descriptor.size,
    async open(offset = 0, signal, end = descriptor.size) {
      if (offset > 0 && offset >= descriptor.size) return Readable.from([]);
      for (let attempt = 1; ; attempt++) {
        try {
          return await ask(session, place, descriptor, { offset, end }, signal);
        } catch (error) {
          if (!(error instanceof AirgapError) || error.code !== 'digest-mismatch') throw error;
          const reason = error.message;
          const again = { what, attempt, reason, retryable: 'few', ...(signal && { signal }) } as const;
          if (!(await session.transport.retrier.again(again))) throw error;
        }
      }
    },
  };
}

/** What is wanted of a blob: bytes from `offset` up to `end`, which is not among them. */
interface Part {
  readonly offset: number;
  readonly end: number;
}

/** One request for a part. */
async function ask(
  session: Session,
  place: Place,
  descriptor: Descriptor,
  part: Part,
  signal?: AbortSignal,
): Promise<Readable> {
  const what = describePlace(place, descriptor.digest);
  // A proxy that compressed would make ranges and lengths mean something else.
  const headers = { 'accept-encoding': 'identity', ...rangeOf(part, descriptor) };
  const shared = { method: 'GET', headers, what, ...(signal === undefined ? {} : { signal }) } as const;
  const response = await session.send({
    ...shared,
    repository: place.asked,
    actions: 'pull',
    to: { kind: 'blobs', digest: descriptor.digest },
  });
  if (response.status === 200 || response.status === 206) return position(response, descriptor, part, what);
  for (const url of response.status === 404 ? foreignUrls(descriptor) : []) {
    const foreign = await session.transport.request({ ...shared, url });
    if (foreign.status === 200 || foreign.status === 206) {
      await discard(response);
      return position(foreign, descriptor, part, what);
    }
    await discard(foreign);
  }
  throw await registryError(response, { what, registry: place.asked.registry });
}

/** Whether a repository has a blob. */
export async function headBlob(session: Session, place: Place, descriptor: Descriptor): Promise<boolean> {
  const what = describePlace(place, descriptor.digest);
  const response = await session.send({
    method: 'HEAD',
    repository: place.asked,
    actions: 'pull',
    to: { kind: 'blobs', digest: descriptor.digest },
    what,
  });
  response.body.resume();
  if (response.status === 404) return false;
  if (response.status === 200) return true;
  throw await registryError(response, { what, registry: place.asked.registry });
}

/** Makes sure that the stream begins at the offset, and that what follows is as long as the descriptor says. */
async function position(
  response: HttpResponse,
  { size }: Descriptor,
  { offset, end }: Part,
  what: string,
): Promise<Readable> {
  const { body, status, url } = response;
  const refuse = (message: string, code: ErrorCode = 'digest-mismatch'): AirgapError => {
    body.destroy();
    return new AirgapError(code, `${what}: ${url.host} ${message}`);
  };
  const length = headerOf(response, 'content-length');
  const start = status === 206 ? offset : 0;
  const range = status === 206 ? (headerOf(response, 'content-range') ?? '') : undefined;
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(range ?? '') ?? [];
  if (end < size && Number(last) + 1 !== end) {
    throw refuse(`was asked for bytes up to ${end} and does not stop there`, 'unsupported');
  }
  if (range !== undefined) {
    if (first !== String(offset))
      throw refuse(`was asked for bytes from ${offset} on and sends "${range}"`, 'registry');
    if (total !== '*' && Number(total) !== size) throw refuse(`has ${total} bytes where the manifest says ${size}`);
  }
  if (length !== undefined && Number(length) + start !== end) {
    throw refuse(`has ${Number(length) + start} bytes where the manifest says ${end}`);
  }
  // The server took no notice of the range: what is known already is read and dropped.
  if (start < offset) await skip(body, offset);
  return body;
}

/** RFC 9110, 14.2. None for the whole of it: not every registry knows ranges. */
function rangeOf({ offset, end }: Part, { size }: Descriptor): { readonly range?: string } {
  if (end < size) return { range: `bytes=${offset}-${end - 1}` };
  return offset > 0 ? { range: `bytes=${offset}-` } : {};
}

/** Reads `count` bytes off a stream and leaves it paused behind them. */
async function skip(body: Readable, count: number): Promise<void> {
  let left = count;
  while (left > 0) {
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
    if (chunk.length > left) body.unshift(chunk.subarray(left));
    left -= Math.min(left, chunk.length);
  }
}

function foreignUrls({ urls = [] }: Descriptor): URL[] {
  return urls.filter((url) => /^https?:\/\//i.test(url) && URL.canParse(url)).map((url) => new URL(url));
}
