import dns, { type LookupAddress } from 'node:dns';
import { isIP, type Socket } from 'node:net';
import { CONNECT_TIMEOUT, codedError } from './error-codes.ts';

/**
 * Milliseconds before the next address is tried in parallel with those still pending (RFC 8305, 5 and 8). Node's own
 * autoSelectFamily abandons an address after its delay, so a distant host with a dead IPv6 address would never be
 * reached.
 */
const ATTEMPT_DELAY = 250;

/**
 * Maximum number of pending connection attempts per connection. A DNS response can hold thousands of addresses, and
 * every concurrent request opens its own connection.
 */
const MAX_PENDING = 8;

/** Host and port of a connection, in undici's terms. */
interface HostPort {
  /** Name or address; IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
}

/** Opens a socket and starts connecting it to one address. */
export type OpenSocket = (address: string, port: number) => Socket;

/** Thrown when no address of a host accepted the connection. */
export class ConnectError extends Error {
  /** Most specific system error code of all attempts. */
  readonly code: string;
  /** Every address tried, with its result: `2001:db8::1 (ENETUNREACH)`. */
  readonly triedAddresses: readonly string[];

  constructor({ hostname, port }: HostPort, attempts: readonly Pick<ConnectAttempt, 'address' | 'code'>[]) {
    const triedAddresses = attempts.map(({ address, code }) => `${address} (${code ?? 'no response'})`);
    super(`no connection to ${hostname} port ${port}: ${triedAddresses.join(', ')}`);
    this.code = mostSpecificCode(attempts.map(({ code }) => code ?? CONNECT_TIMEOUT));
    this.triedAddresses = triedAddresses;
  }
}

interface ConnectAttempt {
  readonly address: string;
  readonly socket: Socket;
  /** Removes the listeners from the socket. */
  readonly stop: () => void;
  /** Undefined while the attempt is pending. */
  code?: string;
}

/** Picks the code to report. Unroutable addresses (no IPv6 on this machine) say nothing about the host. */
function mostSpecificCode(codes: readonly string[]): string {
  const isUnroutable = (code: string): boolean =>
    /^(?:ENETUNREACH|EHOSTUNREACH|EADDRNOTAVAIL|EAFNOSUPPORT)$/.test(code);
  const specific = codes.filter((code) => !isUnroutable(code));
  return specific.find((code) => code === CONNECT_TIMEOUT) ?? specific[0] ?? codes[0] ?? CONNECT_TIMEOUT;
}

/**
 * Connects to the first address of a host that responds (RFC 8305, "Happy Eyeballs"). Addresses are tried in the
 * system's order with alternating families; the next one starts when the previous has failed or has been pending for
 * 250 ms. No attempt is abandoned before there is a connection or the timeout expires.
 * @param timeout milliseconds in total, including name resolution
 * @returns a connected socket without listeners
 * @throws ConnectError, or the error of the name resolution
 */
export async function connectFirst(target: HostPort, timeout: number, open: OpenSocket): Promise<Socket> {
  const { hostname, port } = target;
  const deadline = performance.now() + timeout;
  const addresses = isIP(hostname) === 0 ? interleaveFamilies(await lookup(hostname, timeout)) : [hostname];
  return new Promise((resolve, reject) => {
    const untried = [...addresses];
    const attempts: ConnectAttempt[] = [];
    let delay: NodeJS.Timeout | undefined;
    const finish = (winner?: Socket): void => {
      clearTimeout(delay);
      clearTimeout(limit);
      for (const { socket, stop } of attempts) {
        stop();
        if (socket !== winner) socket.on('error', () => {}).destroy();
      }
    };
    const fail = (): void => {
      finish();
      reject(new ConnectError(target, attempts));
    };
    const startNext = (): void => {
      clearTimeout(delay);
      // Runs again when an attempt fails.
      if (attempts.filter(({ code }) => code === undefined).length >= MAX_PENDING) return;
      const address = untried.shift();
      if (address === undefined) return;
      const socket = open(address, port);
      const connected = (): void => {
        finish(socket);
        resolve(socket);
      };
      const failed = (error: NodeJS.ErrnoException): void => {
        attempt.code = error.code ?? error.message;
        if (untried.length > 0) startNext();
        else if (attempts.every(({ code }) => code !== undefined)) fail();
      };
      const stop = (): void => void socket.off('connect', connected).off('error', failed);
      const attempt: ConnectAttempt = { address, socket, stop };
      attempts.push(attempt);
      socket.on('connect', connected).on('error', failed);
      if (untried.length > 0) delay = setTimeout(startNext, ATTEMPT_DELAY);
    };
    const limit = setTimeout(fail, Math.max(0, deadline - performance.now()));
    startNext();
  });
}

/**
 * Resolves all addresses of a name, in the system's order; only families configured on this machine (Node's default).
 */
function lookup(hostname: string, timeout: number): Promise<readonly LookupAddress[]> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => {
      reject(codedError(`${hostname} was not resolved within ${timeout} ms`, 'EAI_AGAIN'));
    }, timeout);
    dns.lookup(hostname, { all: true, hints: dns.ADDRCONFIG }, (error, addresses) => {
      clearTimeout(limit);
      if (error) reject(error);
      else resolve(addresses);
    });
  });
}

/** Alternates between address families, starting with the family of the first address (RFC 8305, 4). */
function interleaveFamilies(addresses: readonly LookupAddress[]): readonly string[] {
  const first = addresses[0]?.family;
  const sameFamily = addresses.filter(({ family }) => family === first);
  const otherFamily = addresses.filter(({ family }) => family !== first);
  const count = Math.max(sameFamily.length, otherFamily.length);
  const interleaved = Array.from({ length: count }, (_, index) => [sameFamily[index], otherFamily[index]]).flat();
  return interleaved.flatMap((entry) => (entry === undefined ? [] : [entry.address]));
}
