import { describe, expect, it } from 'vitest';
import { algorithmOf, digestOf, encodedOf, isDigest } from '../../../src/oci/digest.ts';

describe('digests', () => {
  it('are computed with the given algorithm', () => {
    const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    expect(digestOf(new Uint8Array())).toBe(`sha256:${empty}`);
    expect(encodedOf(digestOf(new Uint8Array()))).toBe(empty);
    expect(algorithmOf(digestOf(new Uint8Array(), 'sha512'))).toBe('sha512');
    expect(isDigest(digestOf(new Uint8Array(), 'sha512'))).toBe(true);
  });

  it.each([
    '',
    'sha256:',
    `sha256:${'a'.repeat(63)}`,
    `sha256:${'a'.repeat(65)}`,
    `sha512:${'a'.repeat(64)}`,
    `sha256:${'A'.repeat(64)}`,
    `sha256:${'a'.repeat(64)} `,
  ])('%j is not a digest', (text) => {
    expect(isDigest(text)).toBe(false);
  });
});
