import { describe, expect, it } from 'vitest';
import {
  digestLeaves,
  type PinLeaf,
  referenceLeaves,
  tagLeaves,
} from '../../../../src/overrides/additions/pin-leaves.ts';
import { pinsInChange } from '../../../../src/overrides/additions/pins.ts';
import type { Change } from '../../../../src/value-tracing/changes.ts';
import { formatPath } from '../../../../src/value-tracing/leaves.ts';

const DIGEST = `sha256:${'d'.repeat(64)}`;
const OTHER = `sha256:${'e'.repeat(64)}`;
const asRecord = (leaves: readonly PinLeaf[]): Record<string, unknown> =>
  Object.fromEntries(leaves.map(({ path, pinned }) => [formatPath(path), pinned(() => DIGEST)]));

describe('leaves that may take a digest', () => {
  const values = {
    image: { repository: 'r.example/m/a', tag: 'v1', digest: '' },
    sidecar: { image: { repository: 'r.example/m/b', tag: '', sha: '' } },
    plain: { tag: 1.5 },
    whole: 'x=r.example/m/c:2, r.example/m/c:20',
    old: { digest: OTHER },
    global: { whole: 'r.example/m/c:2' },
    sub: { global: { whole: 'r.example/m/c:2' } },
  };

  it('include empty digest leaves, with or without the algorithm according to their key', () => {
    const bare = DIGEST.slice(7);
    expect(asRecord(digestLeaves(values, [], false))).toEqual({ 'image.digest': DIGEST, 'sidecar.image.sha': bare });
    expect(asRecord(digestLeaves(values, [], true))).toEqual({ 'image.digest': bare, 'sidecar.image.sha': DIGEST });
    const helper = [{ text: '{{ .image.digest }}', prefixes: [[]] }];
    expect(asRecord(digestLeaves(values, helper, false))).toHaveProperty(['sidecar.image.digest']);
  });

  it('include leaves with a tag, and empty ones next to the repository of a reference', () => {
    const references = ['r.example/m/a:v1', 'r.example/m/b:3', 'r.example/m/p:1.5'];
    expect(asRecord(tagLeaves(values, [], references))).toEqual({
      'image.tag': `v1@${DIGEST}`,
      'sidecar.image.tag': `3@${DIGEST}`,
      'plain.tag': `1.5@${DIGEST}`,
    });
  });

  it('include empty ones without siblings, by the most frequent tag first', () => {
    const references = ['r.example/a:1', 'r.example/b:2', 'r.example/c:2'];
    expect(asRecord(tagLeaves({ tag: '' }, [], references))).toEqual({ tag: `2@${DIGEST}` });
    expect(asRecord(tagLeaves({ tag: '' }, [], references, 1))).toEqual({ tag: `1@${DIGEST}` });
    expect(asRecord(tagLeaves({ tag: '' }, [], references, 2))).toEqual({});
  });

  it('include leaves with a full reference, pinning each occurrence', () => {
    expect(asRecord(referenceLeaves(values, ['r.example/m/c:2']))).toEqual({
      whole: `x=r.example/m/c:2@${DIGEST}, r.example/m/c:20`,
      'global.whole': `r.example/m/c:2@${DIGEST}`,
    });
  });
});

describe('a change that pins', () => {
  const written = new Map([
    ['r.example/a:1', 'r.example/a:1'],
    ['r.example/b', 'r.example/b:latest'],
  ]);
  const check = { written, isDigestOf: (_: string, digest: string) => digest === DIGEST, maps: new Map() };
  const change = (before: unknown, after: unknown, path = ['image']): Change => {
    return { render: 0, template: 't', document: 0, path, before, after };
  };
  const pinned = (before: unknown, after: unknown): string[] | undefined =>
    pinsInChange(change(before, after), check)?.map(({ reference }) => reference);

  it('appends digests to whole references only', () => {
    expect(pinned('r.example/a:1', `r.example/a:1@${DIGEST}`)).toEqual(['r.example/a:1']);
    expect(pinned('r.example/a:1', `r.example/a@${DIGEST}`)).toEqual(['r.example/a:1']);
    expect(pinned('r.example/b', `r.example/b@${DIGEST}`)).toEqual(['r.example/b:latest']);
    expect(pinned('A=r.example/a:1\nB=r.example/b', `A=r.example/a:1@${DIGEST}\nB=r.example/b@${DIGEST}`)).toEqual([
      'r.example/b:latest',
      'r.example/a:1',
    ]);
  });

  it.each([
    ['a label with the tag', 'v1', `v1@${DIGEST}`],
    ['a tag with more behind it', 'r.example/a:1', `r.example/a:1@${DIGEST}-debian`],
    ['two digests', 'r.example/a:1', `r.example/a:1@${DIGEST}@${DIGEST}`],
    ["another image's digest", 'r.example/a:1', `r.example/a:1@${OTHER}`],
    ['the end of another name', 'q/r.example/a:1', `q/r.example/a:1@${DIGEST}`],
    ['another text beside it', 'x r.example/a:1', `y r.example/a:1@${DIGEST}`],
    ['a field that comes along', undefined, DIGEST],
  ])('is not %s', (_, before, after) => {
    expect(pinned(before, after)).toBeUndefined();
  });

  it('may set the digest field of a map that holds the reference', () => {
    const pin = { reference: 'r.example/a:1', digest: DIGEST };
    const maps = new Map([['spec', pin]]);
    const fill = (key: string, after: string) =>
      pinsInChange(change(undefined, after, ['spec', key]), { ...check, maps });
    expect(fill('digest', DIGEST)).toEqual([pin]);
    expect(fill('sha', DIGEST.slice(7))).toEqual([pin]);
    expect(fill('sha', OTHER)).toBeUndefined();
    expect(fill('checksum', DIGEST)).toBeUndefined();
  });
});
