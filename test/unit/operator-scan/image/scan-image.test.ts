import { Readable } from 'node:stream';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { parseReference } from '../../../../src/oci/reference.ts';
import {
  type ImageFindings,
  type ScanImageOptions,
  scanImage,
} from '../../../../src/operator-scan/image/scan-image.ts';
import { goProgram } from '../../../support/program.ts';
import fc from '../../../support/property.ts';
import { type TarFile, tarOf } from '../../../support/tar.ts';

const options: ScanImageOptions = {
  image: parseReference('quay.io/widget/operator:v1.0.0'),
  publishers: new Set(['widget']),
  commandWords: ['/manager'],
};
const program = Buffer.concat([
  goProgram({ build: ['path\tx'], code: [['quay.io/widget/agent:v1.2.3']] }),
  Buffer.alloc(300 * 1024),
]);

function scan(layers: readonly (readonly TarFile[])[], pack = (tar: Buffer): Buffer => tar): Promise<ImageFindings> {
  return scanImage(
    layers.map((files, i) => ({ digest: `sha256:${i}`, open: async () => chunks(pack(tarOf(files))) })),
    options,
  );
}

/** Splits bytes into chunks that do not end at tar blocks. */
function chunks(bytes: Buffer): Readable {
  const pieces = Array.from({ length: Math.ceil(bytes.length / 997) }, (_, i) =>
    bytes.subarray(i * 997, i * 997 + 997),
  );
  return Readable.from(pieces);
}

const named = ({ candidates }: ImageFindings): string[] => candidates.map(({ written, file }) => `${file} ${written}`);

describe('scanImage', () => {
  test.each([
    ['plain', (tar: Buffer) => tar],
    ['gzip', (tar: Buffer) => gzipSync(tar)],
    ['zstd', (tar: Buffer) => zstdCompressSync(tar)],
  ])('reads the files of all layers: %s', async (_, pack) => {
    const long = `${'deep/'.repeat(40)}a.yaml`;
    const found = await scan(
      [[{ path: './manager', content: program }], [{ path: long, content: 'image: org/a:1.0' }]],
      pack,
    );
    expect(named(found)).toEqual(['manager quay.io/widget/agent:v1.2.3', `${long} org/a:1.0`]);
    expect(found.candidates.map(({ layer }) => layer)).toEqual(['sha256:0', 'sha256:1']);
    expect(found.skipped).toEqual([]);
  });

  test('applies replaced files, whiteouts and opaque folders of later layers', async () => {
    const text = (tag: string): string => `image: org/a:${tag}`;
    const found = await scan([
      [
        { path: 'a.yaml', content: text('1.0') },
        { path: 'b.yaml', content: text('2.0') },
        { path: 'c/d.yaml', content: text('3.0') },
      ],
      [{ path: 'a.yaml', content: text('1.1') }, { path: '.wh.b.yaml' }, { path: 'c/.wh..wh..opq' }],
    ]);
    expect(named(found)).toEqual(['a.yaml org/a:1.1']);
  });

  test('scans the program that a link in a later layer points to', async () => {
    const found = await scan([
      [
        { path: 'operator/manager_amd64', content: program },
        { path: 'a.yaml', content: 'image: org/a:1.0' },
      ],
      [
        { path: 'manager', link: 'operator/manager_amd64' },
        { path: 'a.yaml', content: 'image: org/a:1.1' },
      ],
    ]);
    // The layer is read twice, and what a later one replaces stays replaced.
    expect(named(found)).toEqual(['a.yaml org/a:1.1', 'operator/manager_amd64 quay.io/widget/agent:v1.2.3']);
  });

  test('skips programs that the image does not run and files of the base system', async () => {
    const found = await scan([
      [
        { path: 'bin/other', content: program },
        { path: 'usr/share/x.yaml', content: 'image: org/a:1.0' },
      ],
    ]);
    expect(named(found)).toEqual([]);
  });

  test('lists names from the newest manifests and counts those from older ones', async () => {
    const found = await scan([
      [
        { path: 'm/1.1/a.yaml', content: 'image: org/a:1.1' },
        { path: 'm/1.2/a.yaml', content: 'image: org/a:1.2' },
      ],
    ]);
    expect(named(found)).toEqual(['m/1.2/a.yaml org/a:1.2']);
    expect(found.olderNameCount).toBe(1);
  });

  test('reports damaged layers, truncated layers and oversized texts', async () => {
    const tar = gzipSync(tarOf([{ path: 'a.yaml', content: 'image: org/a:1.0'.padEnd(6 * 1024 * 1024) }]));
    const cut = gzipSync(tarOf([{ path: 'a.txt', content: 'x' }])).subarray(0, 60);
    const layers = [tar, cut, Buffer.from('no archive at all'.repeat(100))];
    const { skipped } = await scanImage(
      layers.map((bytes, i) => ({ digest: `sha256:${i}`, open: async () => Readable.from([bytes]) })),
      options,
    );
    expect(skipped).toEqual([
      expect.stringMatching(/^a\.yaml: .*\b5 MiB\b/),
      expect.stringMatching(/^layer sha256:1: .*decompress/),
      expect.stringMatching(/^layer sha256:2: .*\btar\b/),
    ]);
  });

  test('names the first of many skipped files and counts the others', async () => {
    const content = Buffer.concat([Buffer.from('\x7fELF'), Buffer.alloc(256 * 1024)]);
    const layer = tarOf(Array.from({ length: 30 }, (_, i) => ({ path: `${i}/manager`, content })));
    const { skipped } = await scanImage([{ digest: 'sha256:0', open: async () => Readable.from([layer]) }], {
      ...options,
      commandWords: ['manager'],
    });
    expect(skipped[0]).toMatch(/^6\/manager: .*\b6 programs\b/);
    expect(skipped.at(-1)).toMatch(/\b4\b/);
  });

  test('ends with findings or a reason, whatever the bytes are', async () => {
    const valid = tarOf([
      { path: 'a.yaml', content: 'image: org/a:1.0' },
      { path: `${'x/'.repeat(90)}b.json`, content: '{"image":"org/a:1.0"}' },
    ]);
    const edits = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(edits, fc.nat(valid.length), async (changes, length) => {
        const bytes = Buffer.from(valid.subarray(0, length));
        for (const [position, value] of changes) if (position < bytes.length) bytes[position] = value;
        await scanImage([{ digest: 'sha256:0', open: async () => Readable.from([bytes]) }], options);
      }),
      { numRuns: 100 },
    );
  });
});
