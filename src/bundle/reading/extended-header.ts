/** Fields of an extended header (POSIX.1-2001, pax) that apply to the following entry. */
export interface ExtendedHeader {
  readonly path?: string;
  readonly size?: number;
  /** True for sparse files, whose name and size Go's reader takes from records that are not parsed here. */
  readonly isSparse: boolean;
}

/**
 * Parses the records of an extended header, `LENGTH KEY=VALUE` and a line feed each, by their lengths, as Go does.
 * Readers that split at lines or accept other spellings of lengths would see another archive, so ambiguous headers are
 * rejected.
 * @returns undefined for an ambiguous or malformed header
 */
export function readExtendedHeader(body: Buffer): ExtendedHeader | undefined {
  const records = new Map<string, string>();
  for (let position = 0; position < body.length; ) {
    const [head, digits = ''] = /^([1-9]\d{0,5}) /.exec(body.toString('latin1', position, position + 7)) ?? [];
    const end = position + Number(digits);
    if (head === undefined || end > body.length || body[end - 1] !== 0x0a) return undefined;
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(body.toString('utf8', position + head.length, end - 1)) ?? [];
    if (key === undefined || value === undefined || records.has(key)) return undefined;
    records.set(key, value);
    position = end;
  }
  const path = records.get('path');
  const size = records.get('size');
  if (path !== undefined && !/^[^\n\0]+$/.test(path)) return undefined;
  if (size !== undefined && !/^\d{1,15}$/.test(size)) return undefined;
  return {
    ...(path === undefined ? {} : { path }),
    ...(size === undefined ? {} : { size: Number(size) }),
    isSparse: [...records.keys()].some((key) => key.startsWith('GNU.sparse.')),
  };
}
