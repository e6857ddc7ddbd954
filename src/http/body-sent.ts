import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

/** The connections that each body in one piece was written to: several where it was asked for again, or redirected. */
const written = new WeakMap<Uint8Array, Socket[]>();

// undici publishes this right before it writes a request (its documentation: "Diagnostics Channel Support").
subscribe('undici:client:sendHeaders', (message) => {
  const { request, socket } = message as { readonly request: { readonly body: unknown }; readonly socket: Socket };
  const { body } = request;
  if (body instanceof Uint8Array) written.set(body, [...(written.get(body) ?? []), socket]);
});

/**
 * Whether nothing of a body in one piece is still to be sent, so that its memory may be used for something else. An answer
 * does not say so: a server can give one, and read the body later. The system is handed no copy of it.
 */
export function isSent(body: Uint8Array): boolean {
  return written.get(body)?.every(({ writableLength }) => writableLength === 0) ?? false;
}
