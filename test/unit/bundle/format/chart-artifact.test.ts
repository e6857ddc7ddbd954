import { describe, expect, it } from 'vitest';
import { type ChartFile, chartArtifact } from '../../../../src/bundle/format/chart-artifact.ts';
import { MediaType } from '../../../../src/oci/descriptor.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import { parseManifest } from '../../../../src/oci/manifest.ts';

const file: ChartFile = {
  metadata: {
    apiVersion: 'v2',
    name: 'demo',
    version: '1.2.3+b',
    description: 'A demo ',
    home: 'https://example.com',
    sources: ['https://example.com/src'],
    keywords: ['x'],
    appVersion: '1',
    maintainers: [{ name: 'Ann', email: 'a@b.c' }, { name: 'Bob' }],
    annotations: { category: 'x', 'org.opencontainers.image.version': '9' },
    dependencies: [],
    madeUp: 'not a field of Chart.yaml',
  },
  tgz: Buffer.from('tgz'),
};

function parts(of: ChartFile) {
  const { descriptor, content } = chartArtifact(of);
  const bytes = content.manifests.get(descriptor.digest)?.bytes as Uint8Array;
  const links = parseManifest(descriptor.mediaType, bytes);
  const text = (digest: string) => Buffer.from(content.blobs.get(digest as never)?.bytes ?? '').toString();
  return { descriptor, bytes, links, text };
}

describe('chartArtifact', () => {
  // Digest and annotations as `helm push` of 3.17.3 and 4.1.4 gives them for this Chart.yaml.
  it('has the config and annotations that helm push writes, except the creation time', () => {
    const { metadata } = file;
    const plain = { ...file, metadata: { ...metadata, annotations: { category: 'x' } } };
    const { links, text, bytes, descriptor } = parts(plain);
    expect(links.config?.digest).toBe('sha256:7750f5763196721d4f8d3c15ed17a5372e89da946ba176287fc356a3479a2661');
    expect(text(links.config?.digest as string)).not.toContain('madeUp');
    expect(links.annotations).toEqual({
      category: 'x',
      'org.opencontainers.image.authors': 'Ann (a@b.c), Bob',
      'org.opencontainers.image.description': 'A demo ',
      'org.opencontainers.image.source': 'https://example.com/src',
      'org.opencontainers.image.title': 'demo',
      'org.opencontainers.image.url': 'https://example.com',
      'org.opencontainers.image.version': '1.2.3+b',
    });
    expect(descriptor).toEqual({ mediaType: MediaType.ociManifest, digest: digestOf(bytes), size: bytes.length });
  });

  it('ignores chart annotations that would change its version', () => {
    expect(parts(file).links.annotations['org.opencontainers.image.version']).toBe('1.2.3+b');
  });

  it('contains the chart file and its provenance unchanged', () => {
    const { links, text } = parts({ ...file, provenance: Buffer.from('prov') });
    expect(links.blobs.map(({ mediaType, digest }) => [mediaType, text(digest)]).slice(1)).toEqual([
      [MediaType.helmChart, 'tgz'],
      [MediaType.helmProvenance, 'prov'],
    ]);
  });

  it('gives the same chart the same digest', () => {
    expect(chartArtifact(file).descriptor).toEqual(chartArtifact({ ...file }).descriptor);
  });

  it('rejects a Chart.yaml without name or version', () => {
    for (const metadata of [{ name: 'demo' }, { version: '1.0.0' }, { name: 1, version: 2 }]) {
      expect(() => chartArtifact({ ...file, metadata })).toThrow(expect.objectContaining({ code: 'chart-invalid' }));
    }
  });
});
