import { setTimeout as wait } from 'node:timers';
import { type Fault, pass } from '../test/support/fault-proxy.ts';
import { answer } from './injections.ts';

/** Milliseconds of real time before the first byte: three times the program's usual time-out under the fast clock. */
const LATE = 1500;

/** Sends nothing until the whole layer is there, as Nexus does as a pull-through cache. */
export const late: Fault = async (exchange) => {
  await new Promise((resolve) => wait(resolve, LATE));
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
