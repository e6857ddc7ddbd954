import { describe, expect, it } from 'vitest';
import { formatPlatform, isAttestationPlatform, matchesPlatform, parsePlatform } from '../../../src/oci/platform.ts';

describe('parsePlatform', () => {
  it.each(['linux/amd64', 'linux/arm/v7', 'windows/amd64'])('reads and writes %s', (text) => {
    expect(formatPlatform(parsePlatform(text))).toBe(text);
  });

  it('accepts upper case and surrounding blanks', () => {
    expect(parsePlatform(' Linux/ARM64/v8 ')).toEqual({ os: 'linux', architecture: 'arm64', variant: 'v8' });
  });

  it.each(['', 'linux', 'linux/', '/amd64', 'linux/arm/', 'linux/arm/v7/x'])('%j is a usage error', (text) => {
    expect(() => parsePlatform(text)).toThrow(expect.objectContaining({ code: 'usage', exitCode: 2 }));
  });
});

describe('matchesPlatform', () => {
  it.each([
    ['linux/amd64', 'linux/amd64', true],
    ['linux/arm64/v8', 'linux/arm64', true],
    ['linux/arm64', 'linux/arm64/v8', true],
    ['linux/arm64/v9', 'linux/arm64/v8', false],
    ['linux/arm/v7', 'linux/arm', true],
    ['linux/arm/v6', 'linux/arm/v7', false],
    ['linux/arm', 'linux/arm/v7', false],
    ['windows/amd64', 'linux/amd64', false],
    ['linux/arm64', 'linux/arm', false],
  ])('an image for %s, where %s is wanted: %s', (have, want, matches) => {
    expect(matchesPlatform(parsePlatform(have), parsePlatform(want))).toBe(matches);
  });
});

describe('isAttestationPlatform', () => {
  it('recognizes the platform that BuildKit gives attestations', () => {
    expect(isAttestationPlatform({ os: 'unknown', architecture: 'unknown' })).toBe(true);
    expect(isAttestationPlatform({ os: 'linux', architecture: 'unknown' })).toBe(false);
    expect(isAttestationPlatform(undefined)).toBe(false);
  });
});
