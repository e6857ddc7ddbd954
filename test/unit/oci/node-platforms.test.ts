import { describe, expect, it } from 'vitest';
import { platformsOfNode, rankOnNode } from '../../../src/oci/node-platforms.ts';
import { formatPlatform, parsePlatform } from '../../../src/oci/platform.ts';

const order = (node: string): string[] => platformsOfNode(parsePlatform(node)).map(formatPlatform);
const runs = (node: string, image: string): number | undefined => rankOnNode(parsePlatform(image), parsePlatform(node));

// The expectations are those of containerd's own tests (github.com/containerd/platforms, compare_test.go).
describe('a node runs images of', () => {
  it.for([
    ['linux/amd64', ['linux/amd64', 'linux/386']],
    ['linux/amd64/v3', ['linux/amd64/v3', 'linux/amd64/v2', 'linux/amd64', 'linux/386']],
    ['linux/arm64', ['linux/arm64', 'linux/arm/v8', 'linux/arm/v7', 'linux/arm/v6', 'linux/arm/v5']],
    ['linux/arm/v6', ['linux/arm/v6', 'linux/arm/v5']],
    ['linux/arm', ['linux/arm/v7', 'linux/arm/v6', 'linux/arm/v5']],
    ['linux/s390x', ['linux/s390x']],
    ['windows/amd64', ['windows/amd64', 'windows/386']],
  ] as const)('%s: best first', ([node, expected]) => {
    expect(order(node)).toEqual(expected);
  });
});

it('other spellings are the same platform', () => {
  for (const image of ['linux/amd64/v1', 'linux/x86_64', 'Linux/AMD64', 'linux/x86-64'])
    expect(runs('linux/amd64', image)).toBe(0);
  for (const image of ['linux/arm64/v8', 'linux/aarch64', 'linux/arm64/8']) expect(runs('linux/arm64', image)).toBe(0);
  expect(runs('linux/arm', 'linux/armhf')).toBe(0);
  expect(runs('linux/arm', 'linux/armel')).toBe(1);
});

it('a newer variant, another architecture and another system do not run', () => {
  expect(runs('linux/amd64', 'linux/amd64/v2')).toBeUndefined();
  expect(runs('linux/arm/v6', 'linux/arm/v7')).toBeUndefined();
  expect(runs('linux/amd64', 'linux/arm64')).toBeUndefined();
  expect(runs('linux/amd64', 'windows/amd64')).toBeUndefined();
  expect(runs('linux/arm', 'linux/arm64')).toBeUndefined();
});
