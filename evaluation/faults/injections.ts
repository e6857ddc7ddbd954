import { setTimeout as wait } from 'node:timers';
import { type Answer, type Exchange, type Fault, pass } from '../../test/support/fault-proxy.ts';
import type { Obstacle } from '../../test/support/tls-front.ts';

/** Milliseconds of real time after which a stalled connection ends; shorter for Helm, whose clock is not shortened. */
const LONGEST_STALL = 20_000;
const HELMS_STALL = 500;

/** Milliseconds of real time between two pieces of a slow body, and number of pieces. */
const DROP = 3;
const DROPS = 25;
/** Milliseconds between two bytes of a server that sends almost nothing. */
const TRICKLE = 50;
/** Milliseconds of real time before a late first byte: three times the program's usual time-out under the fast clock. */
const LATE = 1500;

const pause = (ms: number): Promise<void> => new Promise((resolve) => wait(resolve, ms));

/** Resets the connection. */
export const reset: Fault = async ({ incoming }) => {
  incoming.socket.resetAndDestroy();
};

/** Carries out the request, then resets the connection. */
export const answerLost: Fault = async (exchange) => {
  await exchange.forward();
  await reset(exchange);
};

/** Resets the connection after the first piece of the body. */
export const cutUpload: Fault = async (exchange) => {
  exchange.incoming.once('data', () => void reset(exchange));
};

export const stall: Fault = async ({ incoming, body }) => {
  await body();
  await end(incoming);
};

/** Sends half of the answer, then stalls. */
export const stallBody: Fault = async (exchange) => {
  const { status, headers, body } = await exchange.forward();
  exchange.outgoing.writeHead(status, headers);
  exchange.outgoing.write(body.subarray(0, body.length >> 1));
  await end(exchange.incoming);
};

/** Stops reading the request. */
export const stallUpload: Fault = async ({ incoming }) => {
  incoming.pause();
  await end(incoming);
};

/** Sends half of the answer, then closes the connection. */
export const cut: Fault = async (exchange) => {
  const { status, headers, body } = await exchange.forward();
  exchange.outgoing.writeHead(status, headers);
  exchange.outgoing.write(body.subarray(0, body.length >> 1), () => exchange.outgoing.destroy());
};

/** Flips one bit of the answer's body. */
export const spoil: Fault = async ({ forward, reply }) => {
  const answer = await forward();
  reply({ ...answer, body: flipped(answer.body) });
};

/** Flips one bit of the request's body. */
export const spoilUpload: Fault = async ({ body, forward, reply }) => reply(await forward(flipped(await body())));

/** Replaces Docker-Content-Digest by another digest. */
export const otherDigest: Fault = async ({ forward, reply }) => {
  const answer = await forward();
  const headers = { ...answer.headers, 'docker-content-digest': `sha256:${'0'.repeat(64)}` };
  reply({ ...answer, headers });
};

/** Answers as a registry, or a gateway in front of it, does on failure. */
export function answer(
  status: number,
  said: {
    readonly headers?: Readonly<Record<string, string>>;
    readonly code?: string;
    readonly message?: string;
    readonly detail?: unknown;
    readonly html?: string;
  } = {},
): Fault {
  const { headers = {}, code = 'UNKNOWN', message = 'injected fault', detail, html } = said;
  const text = html ?? JSON.stringify({ errors: [{ code, message, detail }] });
  const type = html === undefined ? 'application/json' : 'text/html';
  return async ({ body, reply }) => {
    await body();
    const own = { 'content-type': type, 'content-length': String(Buffer.byteLength(text)) };
    reply({ status, headers: { ...own, ...headers }, body: Buffer.from(text) });
  };
}

/** Resets the connection, and puts an obstacle in the way of the next `times` ones. */
export function obstructed(obstacle: Obstacle, times: number): Fault {
  return async ({ obstruct }) => obstruct(obstacle, times);
}

/** Sends half of the answer, then the proxy closes the tunnel. */
export const cutTunnel: Fault = async ({ forward, outgoing, obstruct }) => {
  const { status, headers, body } = await forward();
  outgoing.writeHead(status, headers);
  outgoing.write(body.subarray(0, body.length >> 1), () => obstruct('tunnel cut', 0));
};

/** Issues a token that has already expired. */
export const expired: Fault = async ({ forward, revoke, reply }) => {
  const answer = await forward();
  revoke();
  reply(answer);
};

/** Revokes all tokens. */
export const expire: Fault = async ({ revoke, forward, reply }) => {
  revoke();
  reply(await forward());
};

/** Sends a Content-Length that is too high by `more` bytes, or too low if negative. */
export function length(more: number): Fault {
  return async ({ forward, outgoing }) => {
    const { status, headers, body } = await forward();
    const said = Math.max(0, body.length + more);
    const lines = Object.entries({ ...headers, 'content-length': said, connection: 'close' });
    const head = `HTTP/1.1 ${status} So\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
    outgoing.socket?.end(Buffer.concat([Buffer.from(head), body]));
  };
}

/** Sends a well-formed answer without its last bytes. */
export const lie: Fault = async ({ forward, reply }) => {
  const answer = await forward();
  const body = answer.body.subarray(0, -3);
  reply({ ...answer, headers: { ...answer.headers, 'content-length': String(body.length) }, body });
};

/** Sends the client to another host: uploads by the Location of their session, other requests by a redirect. */
export function redirect(to: string | undefined): Fault {
  return async ({ recorded, incoming, elsewhere, forward, body, reply }) => {
    const host = to ?? elsewhere;
    if (recorded.method === 'POST' && recorded.path.includes('/uploads/')) {
      const answer = await forward();
      const { location } = answer.headers;
      const there = location?.replace(/^http:\/\/[^/]+/, `http://${host}`);
      reply(there === undefined ? answer : { ...answer, headers: { ...answer.headers, location: there } });
      return;
    }
    await body();
    const { pathname, search } = new URL(incoming.url ?? '', 'http://localhost');
    const headers = { location: `http://${host}${pathname}${search}`, 'content-length': '0' };
    reply({ status: 307, headers, body: Buffer.alloc(0) });
  };
}

export const drip: Fault = async ({ forward, outgoing }) => {
  const { status, headers, body } = await forward();
  outgoing.writeHead(status, headers);
  const size = Math.ceil(body.length / DROPS);
  for (let at = 0; at < body.length; at += size) {
    outgoing.write(body.subarray(at, at + size));
    await pause(DROP);
  }
  outgoing.end();
};

/** Sends a byte now and then: a client that limits only the time between two reads would never end. */
export const trickle: Fault = async ({ incoming, forward, outgoing }) => {
  const { status, headers, body } = await forward();
  outgoing.writeHead(status, headers);
  await end(incoming);
  for (let at = 0; at < body.length - 1 && !outgoing.destroyed; at++) {
    outgoing.write(body.subarray(at, at + 1));
    await pause(TRICKLE);
  }
};

export const dripIn: Fault = async ({ incoming, forward, reply }) => {
  incoming.on('data', () => {
    incoming.pause();
    wait(() => incoming.resume(), DROP);
  });
  reply(await forward());
};

/** Writes the tag, then reports it as immutable: ECR's answer to the second of two clients that write the same. */
export const takenBySame: Fault = async (exchange) => {
  await exchange.forward();
  await exists(exchange);
};

/** Another client has just written other content to the tag, which is immutable. */
export const taken: Fault = async (exchange) => {
  const ours = JSON.parse((await exchange.body()).toString('utf8')) as object;
  const theirs = { ...ours, annotations: { by: 'somebody else' } };
  await exchange.forward(Buffer.from(JSON.stringify(theirs)));
  await exists(exchange);
};

const exists = answer(400, { code: 'TAG_INVALID', message: 'the tag already exists and the repository is immutable' });

/** Answers a write with this status without storing anything. */
export function nothingStored(status: number): Fault {
  return async ({ recorded, body, reply }) => {
    await body();
    const headers = { location: recorded.path, 'content-length': '0' };
    reply({ status, headers, body: Buffer.alloc(0) });
  };
}

/** Sends nothing until the whole layer is there, as Nexus does as a pull-through cache. */
export const late: Fault = async (exchange) => {
  await pause(LATE);
  await pass(exchange);
};

/** Refuses range requests, as registry.k8s.io's storage (400) and go-containerregistry's registry (416) do. */
export function refuseRange(status: number): Fault {
  const refuse = answer(status, { code: 'UNSUPPORTED' });
  return (exchange) => (exchange.incoming.headers.range === undefined ? pass : refuse)(exchange);
}

/**
 * Answers range requests with another range.
 * @param more bytes by which the range starts later than requested
 * @param isTold whether Content-Range states the range; without it the header is missing
 */
export function partial(more: number, isTold: boolean): Fault {
  return async (exchange) => {
    const [, first] = /^bytes=(\d+)-/.exec(exchange.incoming.headers.range ?? '') ?? [];
    if (first === undefined) return pass(exchange);
    delete exchange.incoming.headers.range;
    const whole = await exchange.forward();
    const from = Math.max(0, Number(first) + more);
    const body = whole.body.subarray(from);
    const { 'content-range': _, ...headers } = whole.headers;
    const range = isTold ? { 'content-range': `bytes ${from}-${whole.body.length - 1}/${whole.body.length}` } : {};
    exchange.reply({ status: 206, headers: { ...headers, 'content-length': String(body.length), ...range }, body });
  };
}

/** Replaces Content-Length in responses to HEAD. */
export function headLength(length: number): Fault {
  return async ({ forward, reply }) => {
    const answered = await forward();
    reply({ ...answered, headers: { ...answered.headers, 'content-length': String(length) } });
  };
}

/** Carries out the request, and answers with another 2xx status. */
export function endsWith(status: number): Fault {
  return async ({ forward, reply }) => {
    const answered = await forward();
    reply(answered.status === 201 ? { ...answered, status } : answered);
  };
}

/** Closes a connection after a while, unless the client does so first. */
async function end({ socket, headers }: Exchange['incoming']): Promise<void> {
  const after = headers['user-agent']?.startsWith('Helm/') ? HELMS_STALL : LONGEST_STALL;
  const timer = wait(() => socket.destroy(), after);
  socket.once('close', () => clearTimeout(timer));
}

/** Copies a body with one bit flipped in the middle. */
function flipped(body: Answer['body']): Buffer {
  const copy = Buffer.from(body);
  const at = copy.length >> 1;
  if (copy.length > 0) copy[at] = (copy[at] as number) ^ 1;
  return copy;
}
