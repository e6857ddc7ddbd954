import { describe, expect, it } from 'vitest';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { type Content, closureOf, closureSize, type ManifestNode } from '../../../src/oci/graph.ts';

const repository = { registry: 'r.example', path: 'x' };

function descriptor(name: string, size = name.length): Descriptor {
  return { mediaType: 'application/x', digest: digestOf(Buffer.from(name)), size };
}

function node(name: string, children: Descriptor[], blobs: Descriptor[]): ManifestNode {
  return { descriptor: descriptor(name), bytes: Buffer.from(name), children, blobs, repository };
}

function content(nodes: readonly ManifestNode[]): Content {
  const blobs = nodes.flatMap((each) => each.blobs);
  return {
    manifests: new Map(nodes.map((each) => [each.descriptor.digest, each])),
    blobs: new Map(blobs.map((blob) => [blob.digest, { descriptor: blob, repositories: [repository] }])),
  };
}

describe('closureOf', () => {
  const shared = descriptor('shared', 100);
  const own = descriptor('own', 10);
  const a = node('a', [], [shared, own]);
  const b = node('b', [], [shared]);
  const inner = node('inner', [b.descriptor], []);
  const top = node('top', [a.descriptor, inner.descriptor, b.descriptor], []);
  const all = content([top, a, b, inner]);

  it('lists children before parents, each digest once', () => {
    const { manifests, blobs } = closureOf(all, top.descriptor.digest);
    expect(manifests).toEqual([a, b, inner, top].map((each) => each.descriptor.digest));
    expect(blobs).toEqual([shared.digest, own.digest]);
  });

  it('omits content of other roots and unknown digests', () => {
    expect(closureOf(all, b.descriptor.digest)).toEqual({ manifests: [b.descriptor.digest], blobs: [shared.digest] });
    expect(closureOf(all, digestOf(Buffer.from('?')))).toEqual({ manifests: [], blobs: [] });
  });

  it('counts shared blobs once', () => {
    expect(closureSize(all, top.descriptor.digest)).toBe('a'.length + 'b'.length + 'inner'.length + 'top'.length + 110);
  });
});
