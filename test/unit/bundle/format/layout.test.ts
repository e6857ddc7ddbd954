import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openRandomFile, singleFile } from '../../../../src/bundle/files/random-file.ts';
import { writeAll } from '../../../../src/bundle/files/ranges.ts';
import { entryHeader, entryName, headerOffset, planLayout } from '../../../../src/bundle/format/layout.ts';
import { indexTar } from '../../../../src/bundle/format/tar-index.ts';
import { type Digest, digestOf } from '../../../../src/oci/digest.ts';
import type { BlobNode } from '../../../../src/oci/graph.ts';
import { scratchFolder } from '../../../support/scratch.ts';

function blob(digest: Digest, size: number): [Digest, BlobNode] {
  return [digest, { descriptor: { mediaType: 'x/y', digest, size }, repositories: [] }];
}

const one = digestOf(Buffer.from('1'));
const two = digestOf(Buffer.from('2'));

describe('planLayout', () => {
  it('starts every content at a block after its header, in order of digests', () => {
    const content = { manifests: new Map(), blobs: new Map([blob(two, 513), blob(one, 0)]) };
    const { entries, size } = planLayout([{ name: 'index.json', bytes: Buffer.from('{}') }], content);
    expect(entries.map((entry) => [entryName(entry).slice(0, 14), entry.offset])).toEqual([
      ['index.json', 512],
      ['blobs/sha256/6', 1536],
      ['blobs/sha256/d', 2048],
    ]);
    expect(size).toBe(2048 + 1024 + 1024);
  });

  it('is identified by size and digest of everything in it', () => {
    const plan = (size: number, index: string) =>
      planLayout([{ name: 'index.json', bytes: Buffer.from(index) }], {
        manifests: new Map(),
        blobs: new Map([blob(one, size)]),
      }).identity;
    expect(plan(1, '{}')).toBe(plan(1, '{}'));
    expect(new Set([plan(1, '{}'), plan(2, '{}'), plan(1, '[]')]).size).toBe(3);
  });

  it('writes headers that GNU tar and this reader understand, for 20 GB and sha512 digests', async () => {
    const long = digestOf(Buffer.from('3'), 'sha512');
    const content = { manifests: new Map(), blobs: new Map([blob(one, 20e9), blob(long, 5)]) };
    const { entries, size } = planLayout([], content);
    const path = join(scratchFolder(), 'sparse.tar');
    const file = await openRandomFile(singleFile(path), 'w+');
    try {
      await file.truncate(size);
      for (const entry of entries) await writeAll(file, [entryHeader(entry)], headerOffset(entry));
      const { files } = await indexTar(file, path, size);
      expect([...files]).toEqual(
        entries.map((entry) => [entryName(entry), { offset: entry.offset, size: entry.size }]),
      );
    } finally {
      await file.close();
    }
    const listing = execFileSync('tar', ['-tvf', path], { encoding: 'utf8' }).trim().split('\n');
    expect(listing.map((line) => line.split(/ +/)[2])).toEqual(['20000000000', '5']);
    expect(listing[1]).toContain(`blobs/sha512/${long.slice(7)}`);
  });

  it('contains a manifest that is also a blob once, and refuses it with two sizes', () => {
    const bytes = Buffer.from('{}');
    const digest = digestOf(bytes);
    const descriptor = { mediaType: 'x/y', digest, size: bytes.length };
    const node = { descriptor, bytes, children: [], blobs: [], repository: { registry: 'r', path: 'p' } };
    const manifests = new Map([[digest, node]]);
    const { entries } = planLayout([], { manifests, blobs: new Map([blob(digest, 2)]) });
    expect(entries).toHaveLength(1);
    expect(entries[0]?.bytes).toEqual(bytes);
    expect(() => planLayout([], { manifests, blobs: new Map([blob(digest, 3)]) })).toThrow(
      expect.objectContaining({ code: 'registry', message: expect.stringContaining(digest) }),
    );
  });
});
