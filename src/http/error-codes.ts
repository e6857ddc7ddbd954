/** No connection was made in time, as undici has it. */
export const CONNECT_TIMEOUT = 'UND_ERR_CONNECT_TIMEOUT';

/** The head of an answer did not come in time, as undici has it. */
export const HEADERS_TIMEOUT = 'UND_ERR_HEADERS_TIMEOUT';

/** The other side of an upload takes nothing any more. */
export const UPLOAD_STALLED = 'AIRGAP_UPLOAD_STALLED';

/** An answer comes too slowly. */
export const TOO_SLOW = 'AIRGAP_TOO_SLOW';

/** An error with a code, as Node's and undici's have one. */
export function codedError(message: string, code: string): Error {
  return Object.assign(new Error(message), { code });
}

/** Node's and undici's code of an error, or of what caused it. */
export function codeOf(thrown: unknown): string {
  const { code, cause } = (thrown ?? {}) as { code?: unknown; cause?: unknown };
  if (typeof code === 'string') return code;
  return cause === undefined ? '' : codeOf(cause);
}
