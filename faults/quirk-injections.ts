import { setTimeout as wait } from 'node:timers';
import { type Fault, pass } from '../test/support/fault-proxy.ts';
import { answer } from './injections.ts';

/** Real milliseconds before the first byte: three times what the program waits elsewhere, by its faster clock. */
const LATE = 1500;

/** A registry that has nothing to send until it has the whole layer itself: Nexus as a pull-through cache. */
export const late: Fault = async (exchange) => {
  await new Promise((resolve) => wait(resolve, LATE));
  await pass(exchange);
};

/** Refuses requests for a part: registry.k8s.io's storage (400), go-containerregistry's registry (416). */
export function refuseRange(status: number): Fault {
  const refuse = answer(status, { code: 'UNSUPPORTED' });
  return (exchange) => (exchange.incoming.headers.range === undefined ? pass : refuse)(exchange);
}

/**
 * Answers requests for a part with another part.
 * @param more bytes by which the part begins later than asked
 * @param isTold whether Content-Range says so; there is none otherwise
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

/** Content-Length of the answer to HEAD, whatever there is. */
export function headLength(length: number): Fault {
  return async ({ forward, reply }) => {
    const answered = await forward();
    reply({ ...answered, headers: { ...answered.headers, 'content-length': String(length) } });
  };
}

/** It was carried out, and the answer has another status. */
export function endsWith(status: number): Fault {
  return async ({ forward, reply }) => {
    const answered = await forward();
    reply(answered.status === 201 ? { ...answered, status } : answered);
  };
}
