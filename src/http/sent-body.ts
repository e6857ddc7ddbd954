import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

/** Sockets that a body held in memory was written to; several after a retry or redirect. */
const socketsByBody = new WeakMap<Uint8Array, Socket[]>();

// undici publishes this just before it writes a request (undici docs, "Diagnostics Channel Support").
subscribe('undici:client:sendHeaders', (message) => {
  const { request, socket } = message as { readonly request: { readonly body: unknown }; readonly socket: Socket };
  const { body } = request;
  if (body instanceof Uint8Array) socketsByBody.set(body, [...(socketsByBody.get(body) ?? []), socket]);
});

/**
 * Reports whether a body in memory has been sent completely, so that its memory can be reused. A response does
 * not prove this: a server can respond first and read the body later, and Node writes from this memory without copying
 * it.
 */
export function isBodySent(body: Uint8Array): boolean {
  return socketsByBody.get(body)?.every(({ writableLength }) => writableLength === 0) ?? false;
}
