/** undici's code for a connection timeout. */
export const CONNECT_TIMEOUT = 'UND_ERR_CONNECT_TIMEOUT';

/** undici's code for a timeout before the response headers. */
export const HEADERS_TIMEOUT = 'UND_ERR_HEADERS_TIMEOUT';

/** The peer stopped accepting the data of an upload. */
export const UPLOAD_STALLED = 'AIRGAP_UPLOAD_STALLED';

/** The response arrives below the minimum rate. */
export const TOO_SLOW = 'AIRGAP_TOO_SLOW';

/** Creates an error with a `code`, as Node's and undici's errors have. */
export function codedError(message: string, code: string): Error {
  return Object.assign(new Error(message), { code });
}

/** Returns the `code` of an error or of the nearest cause that has one; empty when there is none. */
export function codeOf(thrown: unknown): string {
  const { code, cause } = (thrown ?? {}) as { code?: unknown; cause?: unknown };
  if (typeof code === 'string') return code;
  return cause === undefined ? '' : codeOf(cause);
}
