import dns, { type LookupAddress } from 'node:dns';
import { isIP, type Socket } from 'node:net';
import { CONNECT_TIMEOUT, codedError } from './error-codes.ts';

/**
 * Milliseconds after which the next address is tried beside those that have not answered yet (RFC 8305, 5 and 8). Node's own
 * way abandons an address after this time, so that a host around the world is never reached where another of its addresses,
 * such as the one of IPv6, leads nowhere.
 */
const ATTEMPT_DELAY = 250;

/**
 * Addresses of a host that are waited for at the same time. A DNS answer has room for thousands, and there are as many
 * connections as requests at once.
 */
const AT_ONCE = 8;

/** The host of a connection, as undici names it. */
interface HostPort {
  /** Name or address; of IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
}

/** Opens a socket that connects to one address. */
export type OpenSocket = (address: string, port: number) => Socket;

/** No address of a host took the connection. */
export class ConnectError extends Error {
  /** The system's code that says most of all attempts' codes. */
  readonly code: string;
  /** Each address that was tried, with what came of it: `2001:db8::1 (ENETUNREACH)`. */
  readonly tried: readonly string[];

  constructor({ hostname, port }: HostPort, attempts: readonly Pick<Attempt, 'address' | 'code'>[]) {
    const tried = attempts.map(({ address, code }) => `${address} (${code ?? 'no answer'})`);
    super(`no connection to ${hostname} port ${port}: ${tried.join(', ')}`);
    this.code = mostTelling(attempts.map(({ code }) => code ?? CONNECT_TIMEOUT));
    this.tried = tried;
  }
}

interface Attempt {
  readonly address: string;
  readonly socket: Socket;
  /** Listens to the socket no longer. */
  readonly stop: () => void;
  /** Undefined as long as there is neither connection nor failure. */
  code?: string;
}

/** An address of a family that this machine has no way for says nothing of the host. */
function mostTelling(codes: readonly string[]): string {
  const isNoWay = (code: string): boolean => /^(?:ENETUNREACH|EHOSTUNREACH|EADDRNOTAVAIL|EAFNOSUPPORT)$/.test(code);
  const telling = codes.filter((code) => !isNoWay(code));
  return telling.find((code) => code === CONNECT_TIMEOUT) ?? telling[0] ?? codes[0] ?? CONNECT_TIMEOUT;
}

/**
 * Connects to the first address of a host that answers (RFC 8305, "Happy Eyeballs"): they are tried in the system's order
 * with the families taking turns, the next one when the one before has failed or has not answered for 250 ms. No attempt is
 * abandoned before there is a connection or the time is up.
 * @param timeout milliseconds for all of it, the look-up included
 * @returns a connected socket without listeners
 * @throws ConnectError, or what the look-up of the name throws
 */
export async function connectFirst(target: HostPort, timeout: number, open: OpenSocket): Promise<Socket> {
  const { hostname, port } = target;
  const until = performance.now() + timeout;
  const addresses = isIP(hostname) === 0 ? takingTurns(await lookup(hostname, timeout)) : [hostname];
  return new Promise((resolve, reject) => {
    const waiting = [...addresses];
    const attempts: Attempt[] = [];
    let delay: NodeJS.Timeout | undefined;
    const end = (winner?: Socket): void => {
      clearTimeout(delay);
      clearTimeout(limit);
      for (const { socket, stop } of attempts) {
        stop();
        if (socket !== winner) socket.on('error', () => {}).destroy();
      }
    };
    const fail = (): void => {
      end();
      reject(new ConnectError(target, attempts));
    };
    const next = (): void => {
      clearTimeout(delay);
      // One that fails makes room.
      if (attempts.filter(({ code }) => code === undefined).length >= AT_ONCE) return;
      const address = waiting.shift();
      if (address === undefined) return;
      const socket = open(address, port);
      const connected = (): void => {
        end(socket);
        resolve(socket);
      };
      const failed = (error: NodeJS.ErrnoException): void => {
        attempt.code = error.code ?? error.message;
        if (waiting.length > 0) next();
        else if (attempts.every(({ code }) => code !== undefined)) fail();
      };
      const stop = (): void => void socket.off('connect', connected).off('error', failed);
      const attempt: Attempt = { address, socket, stop };
      attempts.push(attempt);
      socket.on('connect', connected).on('error', failed);
      if (waiting.length > 0) delay = setTimeout(next, ATTEMPT_DELAY);
    };
    const limit = setTimeout(fail, Math.max(0, until - performance.now()));
    next();
  });
}

/** All addresses of a name, in the system's order; only of families that this machine has, as Node asks by itself. */
function lookup(hostname: string, timeout: number): Promise<readonly LookupAddress[]> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => {
      reject(codedError(`the name ${hostname} was not resolved within ${timeout} ms`, 'EAI_AGAIN'));
    }, timeout);
    dns.lookup(hostname, { all: true, hints: dns.ADDRCONFIG }, (error, addresses) => {
      clearTimeout(limit);
      if (error) reject(error);
      else resolve(addresses);
    });
  });
}

/** An address of each family in turn, beginning with that of the first (RFC 8305, 4). */
function takingTurns(addresses: readonly LookupAddress[]): readonly string[] {
  const first = addresses[0]?.family;
  const own = addresses.filter(({ family }) => family === first);
  const other = addresses.filter(({ family }) => family !== first);
  const count = Math.max(own.length, other.length);
  const turns = Array.from({ length: count }, (_, index) => [own[index], other[index]]).flat();
  return turns.flatMap((one) => (one === undefined ? [] : [one.address]));
}
