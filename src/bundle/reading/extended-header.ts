/** What an extended header (POSIX.1-2001, pax) says of the entry behind it; the rest of it does not matter here. */
export interface ExtendedHeader {
  readonly path?: string;
  readonly size?: number;
  /** Go's reader takes its name and size from records that are not read here. */
  readonly isSparse: boolean;
}

/**
 * Reads the records of an extended header, each `LENGTH KEY=VALUE` and a line feed, by their lengths as Go does. A reader
 * that takes them line by line sees other records, and so another archive; so it would with another spelling of a length.
 * @returns undefined for what is not written in this way
 */
export function readExtendedHeader(body: Buffer): ExtendedHeader | undefined {
  const records = new Map<string, string>();
  for (let at = 0; at < body.length; ) {
    const [head, digits = ''] = /^([1-9]\d{0,5}) /.exec(body.toString('latin1', at, at + 7)) ?? [];
    const end = at + Number(digits);
    if (head === undefined || end > body.length || body[end - 1] !== 0x0a) return undefined;
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(body.toString('utf8', at + head.length, end - 1)) ?? [];
    if (key === undefined || value === undefined || records.has(key)) return undefined;
    records.set(key, value);
    at = end;
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
