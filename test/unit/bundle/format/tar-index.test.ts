import { describe, expect, it } from 'vitest';
import { readExtendedHeader } from '../../../../src/bundle/format/tar-index.ts';

function record(text: string): string {
  let length = text.length + 3;
  while (`${length} ${text}\n`.length !== length) length += 1;
  return `${length} ${text}\n`;
}

const read = (text: string) => readExtendedHeader(Buffer.from(text, 'latin1'));

describe('an extended header', () => {
  it('gives path and size', () => {
    expect(read(record('path=blobs/a') + record('size=12') + record('mtime=1.5'))).toEqual({
      path: 'blobs/a',
      size: 12,
      isSparse: false,
    });
    expect(read(record('GNU.sparse.major=1'))).toEqual({ isSparse: true });
  });

  it('is not searched for records inside values', () => {
    const inner = record('path=blobs/b');
    expect(read(record(`comment=x\n${inner.trimEnd()}`))).toEqual({ isSparse: false });
    expect(read(record('SCHILY.xattr.a=\0\xff\n=1'))).toEqual({ isSparse: false });
  });

  it.each([
    ['a length with a leading zero', '016 path=blobs/\n'],
    ['a length with a sign', '+16 path=blobs/\n'],
    ['a length beyond the end', '99 path=blobs/b\n'],
    ['a length before the end of its line', '10 path=blobs/b\n'],
    ['a length of nothing', '1 \n'],
    ['no length', 'path=blobs/b\n'],
    ['no key', record('=blobs/b')],
    ['no value', record('path')],
    ['an empty path', record('path=')],
    ['a path of two lines', record('path=a\nb')],
    ['a path with a NUL byte', record('path=a\0b')],
    ['two paths', record('path=a') + record('path=b')],
    ['a size in another notation', record('size=0x10')],
    ['a negative size', record('size=-1')],
  ])('is rejected with %s', (_, text) => {
    expect(read(text)).toBeUndefined();
  });
});
