import { describe, expect, it } from 'vitest';
import { count } from '../../../../src/base/count.ts';
import { displayPath, formatBytes, shortDigest } from '../../../../src/cli/reports/text.ts';

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [1, '1 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [1049, '1.0 kB'],
    [1050, '1.1 kB'],
    [99_940, '99.9 kB'],
    [99_960, '100 kB'],
    [999_400, '999 kB'],
    [999_600, '1.0 MB'],
    [5_368_709_120, '5.4 GB'],
    [999_999_999_999, '1.0 TB'],
    [12_345_678_901_234_000, '12346 TB'],
  ])('%i bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe('count', () => {
  it('uses singular and plural', () => {
    expect([count(0, 'image'), count(1, 'image'), count(2, 'image')]).toEqual(['0 images', '1 image', '2 images']);
  });
});

describe('shortDigest', () => {
  it('keeps the algorithm and twelve characters', () => {
    expect(shortDigest(`sha256:${'0123456789abcdef'.repeat(4)}`)).toBe('sha256:0123456789ab');
    expect(shortDigest(`sha512:${'0123456789abcdef'.repeat(8)}`)).toBe('sha512:0123456789ab');
  });
});

describe('displayPath', () => {
  it('is relative below the working directory, else unchanged', () => {
    expect(displayPath('/a/b/c/x.yaml', '/a/b')).toBe('c/x.yaml');
    expect(displayPath('/a/x.yaml', '/a/b')).toBe('/a/x.yaml');
    expect(displayPath('/a/bc/x.yaml', '/a/b')).toBe('/a/bc/x.yaml');
    expect(displayPath('oci://r.example/app', '/a/b')).toBe('oci://r.example/app');
    expect(displayPath('app/templates/x.yaml', '/a/b')).toBe('app/templates/x.yaml');
  });
});
