import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';

export const JSON_TYPE = { 'content-type': 'application/json' } as const;
export const HTML_TYPE = { 'content-type': 'text/html' } as const;

/** Error body of the distribution specification. */
export function errors(code: string, message = code.toLowerCase(), detail?: unknown): string {
  return JSON.stringify({ errors: [{ code, message, detail }] });
}

/** Answers with a correct Content-Length unless `headers` has another. @returns true: answered */
export function send(
  outgoing: ServerResponse,
  status: number,
  content: string | Buffer = '',
  headers: OutgoingHttpHeaders = {},
): true {
  const bytes = Buffer.from(content as string);
  outgoing.writeHead(status, { 'content-length': bytes.length, ...headers });
  outgoing.end(outgoing.req.method === 'HEAD' ? undefined : bytes);
  return true;
}

/**
 * Answers with a blob or the requested range of it (RFC 9110, 14), or with 404 if there is none.
 * @returns true: answered
 */
export function sendBlob(outgoing: ServerResponse, bytes: Buffer | undefined, headers: OutgoingHttpHeaders = {}): true {
  if (bytes === undefined) return send(outgoing, 404, errors('BLOB_UNKNOWN'), JSON_TYPE);
  const own = { 'content-type': 'application/octet-stream', 'accept-ranges': 'bytes', ...headers };
  const [range, first, last] = /^bytes=(\d+)-(\d*)$/.exec(outgoing.req.headers.range ?? '') ?? [];
  if (range === undefined) return send(outgoing, 200, bytes, own);
  const from = Number(first);
  const to = last === '' ? bytes.length - 1 : Math.min(Number(last), bytes.length - 1);
  if (from > to) return send(outgoing, 416, '', { 'content-range': `bytes */${bytes.length}` });
  const part = { 'content-range': `bytes ${from}-${to}/${bytes.length}` };
  return send(outgoing, 206, bytes.subarray(from, to + 1), { ...own, ...part });
}

const bodies = new WeakMap<IncomingMessage, Promise<Buffer>>();

/** Reads a request's whole body; returns the same bytes when called again. */
export function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const read = bodies.get(incoming) ?? incoming.toArray().then((chunks) => Buffer.concat(chunks));
  bodies.set(incoming, read);
  return read;
}

/** Reads a request's body by other means than `bodyOf`, which then returns it. */
export function keepBody(incoming: IncomingMessage, body: Promise<Buffer>): void {
  bodies.set(incoming, body);
}

/** Changes status or headers of the later response to a request. */
export function rewriteHead(
  outgoing: ServerResponse,
  change: (status: number, headers: OutgoingHttpHeaders) => readonly [number, OutgoingHttpHeaders],
): void {
  const write = outgoing.writeHead.bind(outgoing) as (status: number, headers: OutgoingHttpHeaders) => ServerResponse;
  const changed = (status: number, headers: OutgoingHttpHeaders = {}): ServerResponse =>
    write(...change(status, headers));
  outgoing.writeHead = changed as ServerResponse['writeHead'];
}
