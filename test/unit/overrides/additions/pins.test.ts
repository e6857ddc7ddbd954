import { describe, expect, it } from 'vitest';
import { pinsInChange } from '../../../../src/overrides/additions/pins.ts';
import type { Change } from '../../../../src/value-tracing/changes.ts';

const DIGEST = `sha256:${'d'.repeat(64)}`;
const OTHER = `sha256:${'e'.repeat(64)}`;

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
