/** Bytes from `start` to before `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Matches a range of one part. */
const SINGLE_RANGE = /^bytes=(\d{0,30})-(\d{0,30})$/i;

/**
 * Parses a `Range` header (RFC 9110, section 14.2).
 * @param size of the content in bytes
 * @returns undefined if the whole content is to be sent: without the header, and for units, syntax and numbers of parts
 *   that a server may ignore; `unsatisfiable` for a range that begins after the content
 */
export function parseRange(header: string | undefined, size: number): ByteRange | 'unsatisfiable' | undefined {
  const [match, first = '', last = ''] = SINGLE_RANGE.exec(header ?? '') ?? [];
  if (match === undefined || (first === '' && last === '')) return undefined;
  if (first === '') {
    const length = Number(last);
    return length === 0 || size === 0 ? 'unsatisfiable' : { start: Math.max(0, size - length), end: size };
  }
  const start = Number(first);
  const end = last === '' ? size : Math.min(size, Number(last) + 1);
  if (last !== '' && Number(last) < start) return undefined;
  return start >= size ? 'unsatisfiable' : { start, end };
}
