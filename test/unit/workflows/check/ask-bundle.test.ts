import { describe, expect, it } from 'vitest';
import type { Bundle } from '../../../../src/bundle/reading/bundle.ts';
import { parseTarget } from '../../../../src/naming/naming.ts';
import { parsePlatform } from '../../../../src/oci/platform.ts';
import { parseReference } from '../../../../src/oci/reference.ts';
import { BundledImages } from '../../../../src/workflows/check/ask-bundle.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const nodes = (...names: readonly string[]) => names.map(parsePlatform);

/** A bundle with these images, by their platforms. */
function bundle(images: Readonly<Record<string, readonly string[]>>, choices: readonly object[] = []): Bundle {
  return {
    images: () => Object.keys(images).map((name) => ({ reference: parseReference(name), descriptor: { digest } })),
    inventory: () => ({
      images: Object.entries(images).map(([reference, platforms]) => ({ reference, platforms })),
      choices,
    }),
  } as unknown as Bundle;
}

describe('an image of a bundle', () => {
  const images = { 'quay.io/a/b:1': ['linux/amd64', 'linux/arm64'], 'quay.io/a/chart:1': [] };
  const bundled = new BundledImages(bundle(images), parseTarget('r.example/m', 'host-path'));

  it('is found by its upstream name, and by the one that push gives it, with a digest of values --pin', () => {
    expect(bundled.named('quay.io/a/b:1')?.digest).toBe(digest);
    expect(bundled.named('quay.io/a/b:2')).toBeUndefined();
    expect(bundled.atTarget('r.example/m/quay.io/a/b:1')?.source).toBe('quay.io/a/b:1');
    expect(bundled.atTarget(`r.example/m/quay.io/a/b:1@${digest}`)?.source).toBe('quay.io/a/b:1');
    expect(bundled.atTarget('quay.io/a/b:1')).toBeUndefined();
  });

  it('has an image for the nodes, or not', () => {
    expect(bundled.ask('quay.io/a/b:1', nodes('linux/amd64/v3', 'linux/arm64'))).toMatchObject({ status: 'ok' });
    const other = bundled.ask('quay.io/a/b:1', nodes('linux/amd64', 'linux/s390x'));
    expect(other).toMatchObject({ status: 'wrong-platform', platforms: ['linux/amd64', 'linux/arm64'] });
    expect(other.detail).toContain('linux/s390x');
    expect(bundled.ask('quay.io/a/chart:1', nodes('linux/s390x'))).toMatchObject({ status: 'ok' });
  });
});

it('an image that is not in the bundle may have been left out on purpose', () => {
  const choices = [
    { rule: 'include', pattern: '*', references: ['quay.io/kept:1'] },
    { rule: 'exclude', pattern: '*debug*', reason: 'not used', references: ['quay.io/debug:1'] },
  ];
  const bundled = new BundledImages(bundle({}, choices), undefined);
  const detailOf = (name: string): string | undefined => {
    const { status, detail } = bundled.ask(name, nodes('linux/amd64'));
    expect(status).toBe('not-in-bundle');
    return detail;
  };
  expect(detailOf('quay.io/kept:1')).toBeUndefined();
  expect(detailOf('quay.io/debug:1')).toMatch(/--exclude \*debug\*, not used$/);
});
