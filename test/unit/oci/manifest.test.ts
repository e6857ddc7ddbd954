import { describe, expect, it } from 'vitest';
import { MediaType } from '../../../src/oci/descriptor.ts';
import { parseDescriptor, parseManifest } from '../../../src/oci/manifest.ts';
import { refusal } from '../../support/refusal.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const descriptor = { mediaType: 'application/x', digest, size: 3 };
const image = { schemaVersion: 2, mediaType: MediaType.ociManifest, config: descriptor, layers: [descriptor] };
const index = {
  schemaVersion: 2,
  mediaType: MediaType.ociIndex,
  manifests: [{ ...descriptor, platform: { os: 'linux', architecture: 'arm', variant: 'v7' } }],
};

function read(mediaType: string, content: unknown): ReturnType<typeof parseManifest> {
  return parseManifest(mediaType, Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)));
}

describe('readLinks', () => {
  it('returns config and layers of a manifest, the config first', () => {
    const layers = [1, 2].map((size) => ({ ...descriptor, size }));
    const links = read(MediaType.ociManifest, { ...image, layers, subject: descriptor, artifactType: 'application/y' });
    expect(links.blobs).toEqual([descriptor, ...layers]);
    expect(links).toMatchObject({
      config: descriptor,
      subject: descriptor,
      artifactType: 'application/y',
      manifests: [],
    });
  });

  it('returns the children of an index in order', () => {
    const manifests = [2, 1].map((size) => ({ ...descriptor, size }));
    const links = read(MediaType.ociIndex, { ...index, manifests, annotations: { a: 'b' } });
    expect(links.manifests.map(({ size }) => size)).toEqual([2, 1]);
    expect(links).toMatchObject({ blobs: [], config: undefined, annotations: { a: 'b' } });
  });

  it('needs no mediaType field: helm push writes none', () => {
    const { mediaType: _, ...bare } = image;
    expect(read(MediaType.ociManifest, bare).blobs).toHaveLength(2);
  });

  it('accepts null for an empty list, as Go writes it', () => {
    expect(read(MediaType.dockerManifest, { config: descriptor, layers: null }).blobs).toEqual([descriptor]);
    expect(read(MediaType.dockerList, { manifests: null }).manifests).toEqual([]);
  });

  it('accepts null in every optional field', () => {
    const empty = { subject: null, artifactType: null, annotations: null, mediaType: null };
    const bare = { ...descriptor, urls: null, annotations: null, data: null, artifactType: null, platform: null };
    expect(read(MediaType.ociManifest, { ...image, ...empty, layers: [bare] })).toEqual({
      manifests: [],
      blobs: [descriptor, descriptor],
      config: descriptor,
      subject: undefined,
      artifactType: undefined,
      annotations: {},
    });
    expect(read(MediaType.ociManifest, { ...image, mediaType: '' }).blobs).toHaveLength(2);
    expect(read(MediaType.ociIndex, { ...index, ...empty, manifests: [bare] }).manifests).toEqual([descriptor]);
  });

  it.each([null, {}, { os: '', architecture: '' }, { os: 'linux' }, { architecture: 'amd64', os: null }])(
    'treats a child with platform %j as one without',
    (platform) => {
      expect(read(MediaType.ociIndex, { manifests: [{ ...descriptor, platform }] }).manifests).toEqual([descriptor]);
    },
  );

  it('drops null fields of a platform', () => {
    const platform = { os: 'windows', architecture: 'amd64', variant: null, 'os.features': null, 'os.version': '10' };
    expect(read(MediaType.ociIndex, { manifests: [{ ...descriptor, platform }] }).manifests[0]?.platform).toEqual({
      os: 'windows',
      architecture: 'amd64',
      'os.version': '10',
    });
  });

  it.each([MediaType.dockerSchema1, MediaType.dockerSchema1Signed])('refuses schema 1: %s', (mediaType) => {
    const { code, hint } = refusal(() => read(mediaType, {}));
    expect(code).toBe('unsupported');
    expect(hint).toBeTruthy();
  });

  it.each<[string, string, unknown]>([
    ['a document that is not JSON', MediaType.ociManifest, '<html>'],
    ['no bytes', MediaType.ociManifest, ''],
    ['a list', MediaType.ociManifest, []],
    ['null', MediaType.ociIndex, 'null'],
    ['a manifest and an index in one', MediaType.ociManifest, { ...image, mediaType: undefined, manifests: [] }],
    ['an index and a manifest in one', MediaType.ociIndex, { ...index, mediaType: undefined, layers: [] }],
    ['an index with a config', MediaType.ociIndex, { ...index, config: descriptor }],
    ['another media type inside', MediaType.ociManifest, { ...image, mediaType: MediaType.dockerManifest }],
    ['an index served as a manifest', MediaType.ociManifest, { ...index, mediaType: undefined }],
    ['a manifest served as an index', MediaType.ociIndex, { schemaVersion: 2 }],
    ['schema 1 under another name', MediaType.dockerManifest, { schemaVersion: 1, fsLayers: [] }],
    ['an error document', MediaType.ociManifest, { errors: [{ code: 'UNKNOWN' }] }],
    ['layers that are not a list', MediaType.ociManifest, { ...image, layers: descriptor }],
    ['a layer that is not an object', MediaType.ociManifest, { ...image, layers: [digest] }],
    ['a config that is null', MediaType.ociManifest, { ...image, config: null }],
    ['a subject that is not a descriptor', MediaType.ociManifest, { ...image, subject: {} }],
    ['a child with an invalid platform', MediaType.ociIndex, { manifests: [{ ...descriptor, platform: 'linux' }] }],
    [
      'a platform of numbers',
      MediaType.ociIndex,
      { manifests: [{ ...descriptor, platform: { os: 1, architecture: 'x' } }] },
    ],
    ['an index of nothing with layers', MediaType.ociManifest, { ...image, manifests: null }],
    ['urls that are not a list', MediaType.ociManifest, { ...image, layers: [{ ...descriptor, urls: 'https://x' }] }],
    ['urls that are not strings', MediaType.ociManifest, { ...image, layers: [{ ...descriptor, urls: [null] }] }],
  ])('refuses %s', (_, mediaType, content) => {
    expect(refusal(() => read(mediaType, content)).code).toBe('registry');
  });

  it('refuses more than 4 MiB', () => {
    const padded = JSON.stringify({ ...image, annotations: { pad: 'x'.repeat(4 * 1024 * 1024) } });
    expect(refusal(() => read(MediaType.ociManifest, padded)).message).toContain(String(4 * 1024 * 1024));
  });

  it('survives the deepest nesting that fits', () => {
    const deep = `{"config":${JSON.stringify(descriptor)},"layers":[],"annotations":${'['.repeat(1e6)}${']'.repeat(1e6)}}`;
    expect(read(MediaType.ociManifest, deep).annotations).toEqual({});
    expect(refusal(() => read(MediaType.ociManifest, '['.repeat(1e6))).code).toBe('registry');
  });

  it('quotes foreign text on one line, truncated', () => {
    const { message } = refusal(() =>
      read(MediaType.ociManifest, { ...image, mediaType: `\u001b[2J\n${'x'.repeat(1e5)}` }),
    );
    expect(message.length).toBeLessThan(400);
    expect(message).not.toMatch(/\p{Cc}/u);
  });
});

describe('readDescriptor', () => {
  it('keeps unknown fields', () => {
    const whole = { ...descriptor, urls: ['https://x.example'], annotations: { a: 'b' }, data: 'e30=' };
    expect(parseDescriptor(whole)).toEqual(whole);
  });

  it.each<[string, object]>([
    ['no media type', { mediaType: '' }],
    ['a digest of an unsupported algorithm', { digest: 'md5:abc' }],
    ['a digest in capitals', { digest: digest.toUpperCase() }],
    ['a digest with trailing characters', { digest: `${digest}\n` }],
    ['a path for a digest', { digest: 'sha256:../../etc/passwd' }],
    ['no digest', { digest: undefined }],
    ['a negative size', { size: -1 }],
    ['a fractional size', { size: 1.5 }],
    ['a size above the safe integers', { size: 2 ** 53 }],
    ['a size that is a string', { size: '3' }],
  ])('refuses %s', (_, wrong) => {
    expect(refusal(() => parseDescriptor({ ...descriptor, ...wrong })).code).toBe('registry');
  });
});
