import type { ServerResponse } from 'node:http';
import { AirgapError } from '../base/errors.ts';
import type { Answer, BlobRange } from './answer.ts';
import type { Buffers } from './buffers.ts';

/** Milliseconds in which a client has to take one buffer. Slower clients would hold buffers and connections for hours. */
const SLOWEST_BUFFER = 120_000;

/**
 * Sends an answer.
 * @param isHead leaves out the body; its length is sent all the same
 * @returns bytes of the body that were handed to the system
 * @throws AirgapError `file` if a blob cannot be read; the connection must then be closed, since its answer is incomplete
 */
export async function sendAnswer(
  response: ServerResponse,
  { status, headers, body }: Answer,
  isHead: boolean,
  buffers: Buffers,
): Promise<number> {
  const length = body instanceof Uint8Array ? body.length : body.end - body.start;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  // A 304 has no body, and no length either.
  if (status !== 304) response.setHeader('Content-Length', length);
  response.statusCode = status;
  if (isHead || length === 0) {
    response.end();
    return 0;
  }
  if (!(body instanceof Uint8Array)) return sendRange(response, body, buffers);
  response.end(body);
  return length;
}

/** Sends a range of a blob, one buffer after the other: the memory does not depend on its size. */
async function sendRange(response: ServerResponse, { blob, start, end }: BlobRange, buffers: Buffers): Promise<number> {
  const writer = new Writer(response);
  const buffer = buffers.acquire();
  let position = start;
  let isTaken = true;
  try {
    while (position < end && isTaken) {
      const chunk = buffer.subarray(0, Math.min(buffer.length, end - position));
      const bytes = await blob.read(chunk, position);
      if (bytes === 0) throw new AirgapError('file', `unexpected end of file in ${blob.digest}`);
      isTaken = await writer.write(chunk.subarray(0, bytes));
      if (isTaken) position += bytes;
    }
    if (isTaken) response.end();
    return position - start;
  } finally {
    writer.close();
    buffers.release(buffer, isTaken);
  }
}

/** Writes to a response and waits until the system has taken the bytes. */
class Writer {
  readonly #response: ServerResponse;
  readonly #timer: NodeJS.Timeout;
  #settle: ((isTaken: boolean) => void) | undefined;
  readonly #onClose = (): void => this.#settle?.(false);

  constructor(response: ServerResponse) {
    this.#response = response;
    this.#timer = setTimeout(() => response.destroy(), SLOWEST_BUFFER);
    response.on('close', this.#onClose);
  }

  /** @returns false if the client has gone */
  write(chunk: Uint8Array): Promise<boolean> {
    if (this.#response.destroyed) return Promise.resolve(false);
    this.#timer.refresh();
    return new Promise((resolve) => {
      this.#settle = resolve;
      // In another turn of the event loop, so that a client that takes everything at once does not hold up the others.
      this.#response.write(chunk, (error) => setImmediate(resolve, !error));
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#response.off('close', this.#onClose);
  }
}
