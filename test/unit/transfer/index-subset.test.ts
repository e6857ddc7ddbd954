import { describe, expect, it } from 'vitest';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import { parsePlatform } from '../../../src/oci/platform.ts';
import { selectChildren } from '../../../src/transfer/index-subset.ts';

const digest = (hex: string): `sha256:${string}` => `sha256:${hex.repeat(64)}`;
const image = (hex: string, platform?: string): Descriptor => ({
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  digest: digest(hex),
  size: 1,
  ...(platform === undefined ? {} : { platform: parsePlatform(platform) }),
});
const attestation = (hex: string, of?: string): Descriptor => ({
  ...image(hex, 'unknown/unknown'),
  annotations: {
    'vnd.docker.reference.type': 'attestation-manifest',
    ...(of === undefined ? {} : { 'vnd.docker.reference.digest': digest(of) }),
  },
});

const index = [
  image('a', 'linux/amd64'),
  image('b', 'linux/arm64'),
  attestation('c', 'a'),
  attestation('d', 'b'),
  attestation('e'),
];
const requested = (attestations: 'keep' | 'drop', ...platforms: string[]) => ({
  platforms: platforms.map(parsePlatform),
  attestations,
});

describe('selection of index children', () => {
  it('keeps everything without a selection, or if it matches every image', () => {
    expect(selectChildren(index, requested('keep'))).toEqual([0, 1, 2, 3, 4]);
    expect(selectChildren(index, requested('keep', 'linux/arm64', 'linux/amd64'))).toEqual([0, 1, 2, 3, 4]);
  });

  it('keeps attestations together with their images', () => {
    expect(selectChildren(index, requested('keep', 'linux/arm64'))).toEqual([1, 3]);
    expect(selectChildren(index, requested('keep', 'linux/s390x'))).toEqual([]);
  });

  it('drops attestations on request, for any platforms', () => {
    expect(selectChildren(index, requested('drop'))).toEqual([0, 1]);
    expect(selectChildren(index, requested('drop', 'linux/amd64'))).toEqual([0]);
  });

  it('keeps children without a platform, and an index that has only attestations', () => {
    expect(selectChildren([image('a'), image('b', 'linux/arm64')], requested('keep', 'linux/amd64'))).toEqual([0]);
    expect(selectChildren([attestation('c', 'a')], requested('drop', 'linux/amd64'))).toEqual([0]);
  });
});
