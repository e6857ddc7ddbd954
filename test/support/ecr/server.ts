import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Answer, EcrState } from './state.ts';

/** Blob storage like S3 with signed URLs: an additional Authorization header is an error. */
export function store(state: EcrState, request: IncomingMessage): Answer {
  const url = new URL(request.url ?? '/', 'http://storage');
  const record = (status: number): number => {
    state.requests.push({ plane: 'storage', request: `${request.method} ${url.pathname}${url.search}`, status });
    return status;
  };
  if (request.headers.authorization !== undefined) {
    return {
      status: record(400),
      body: '<Error><Code>InvalidArgument</Code><Message>Only one auth mechanism allowed</Message></Error>',
    };
  }
  const bytes = state.repositories.get(url.pathname.slice(1))?.blobs.get(url.searchParams.get('digest') ?? '');
  if (bytes === undefined) return { status: record(404), body: '<Error><Code>NoSuchKey</Code></Error>' };
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  if (range === null) return { status: record(200), body: bytes };
  const start = Number(range[1]);
  const end = Math.min(bytes.length - 1, range[2] ? Number(range[2]) : bytes.length - 1);
  if (start > end) return { status: record(416) };
  const headers = { 'content-range': `bytes ${start}-${end}/${bytes.length}` };
  return { status: record(206), headers, body: bytes.subarray(start, end + 1) };
}

/** Starts a server on loopback. @param answer also gets `127.0.0.1:PORT`, the server's own address */
export async function listen(
  answer: (request: IncomingMessage, host: string) => Answer | Promise<Answer>,
): Promise<{ server: Server; host: string }> {
  let host = '';
  const server = createServer((request, response) => {
    void Promise.resolve(answer(request, host)).then(
      (given) => write(request, response, given),
      (error: Error) => write(request, response, { status: 500, body: error.message }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  host = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  return { server, host };
}

function write(request: IncomingMessage, response: ServerResponse, { status, headers = {}, body = '' }: Answer): void {
  const length = String(Buffer.byteLength(body));
  response.writeHead(status, { 'content-length': length, ...headers });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** Reads the body of a request. */
export async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Stops servers. @throws Error if a fault was never triggered: the test did not test what it should */
export async function stopAll(state: EcrState, servers: readonly Server[]): Promise<void> {
  await Promise.all(servers.map(close));
  const unmet = state.faults.find(({ left }) => left > 0);
  if (unmet !== undefined) throw new Error(`no request met the fault for ${String(unmet.fault.match)}`);
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}
