import { connect, type Socket } from 'node:net';
import type { buildConnector } from 'undici';
import { lend } from '../oci/loan.ts';
import { connectFirst } from './addresses.ts';

/**
 * Bytes that one read may bring. Node reads 64 KiB at most by itself, and each read costs the same in JavaScript and in
 * the kernel, however long it is. Measured on loopback with hashing, 105 MB: 64 KiB into new memory each time take
 * 300 ms of processor time, 64 KiB into the same memory 160 ms, 256 KiB 125 ms, 1 MiB 95 ms.
 */
const READ = 256 * 1024;

/** A shorter read is copied, so that its memory is free at once. */
const SHORT = 32 * 1024;

/** Memory for reads that nobody uses at the moment; more of it than this is left to the garbage collector. */
const SPARE = 32;
const spare: Buffer<ArrayBuffer>[] = [];

/** Where in its memory a read ended, as long as no part of it has been handed on. */
const reads = new WeakMap<ArrayBufferLike, number>();

/** Makes a connection for undici. */
export type Connector = (options: buildConnector.Options, callback: buildConnector.Callback) => void;

/** Milliseconds without data after which the system asks whether the other side is still there. */
const KEEP_ALIVE = 60_000;

const SETTINGS = {
  autoSelectFamily: false,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: KEEP_ALIVE,
} as const;

/** Opens a socket, for TLS or a proxy's tunnel to be laid upon. */
export function openSocket(host: string, port: number): Socket {
  return connect({ ...SETTINGS, host, port });
}

/**
 * Connects without TLS, for long reads. Under TLS a read is one record, 16 KiB at most, whatever memory there is.
 * @param timeout milliseconds
 */
export function plainConnector(timeout: number): Connector {
  return ({ hostname, port }, callback) => {
    connectFirst({ hostname, port: Number(port) || 80 }, timeout, openForLongReads).then(
      (socket) => callback(null, socket),
      (error: Error) => callback(error, null),
    );
  };
}

function openForLongReads(host: string, port: number): Socket {
  let memory = spare.pop() ?? Buffer.allocUnsafeSlow(READ);
  const take = (bytes: number): Buffer => {
    if (bytes < SHORT) return Buffer.from(memory.subarray(0, bytes));
    const read = memory.subarray(0, bytes);
    reads.set(memory.buffer, bytes);
    memory = spare.pop() ?? Buffer.allocUnsafeSlow(READ);
    return read;
  };
  const onread = { buffer: () => memory, callback: (bytes: number): boolean => socket.push(take(bytes)) };
  // One read at a time waits in the socket: undici would have several copied into one.
  const waiting = { highWaterMark: undefined, readableHighWaterMark: 1 };
  const socket = connect({ ...SETTINGS, ...waiting, host, port, onread });
  return socket;
}

/**
 * Marks a piece of a body as lent (oci/loan.ts), where its memory is not anybody else's: that of a read that ends with
 * this piece and of which no other piece was handed on, or memory of the piece's own, as Node makes it by itself.
 */
export function lendPiece(piece: Uint8Array): void {
  const { buffer, byteOffset, length } = piece;
  if (!(buffer instanceof ArrayBuffer)) return;
  const end = reads.get(buffer);
  reads.delete(buffer);
  if (end === byteOffset + length) {
    lend(piece, () => {
      if (spare.length < SPARE) spare.push(Buffer.from(buffer));
    });
  } else if (end === undefined && buffer.byteLength === length && length !== READ) {
    lend(piece, () => buffer.transfer(0));
  }
}
