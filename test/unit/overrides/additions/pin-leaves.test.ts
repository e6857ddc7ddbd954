import { describe, expect, it } from 'vitest';
import { formatPath } from '../../../../src/base/field-path.ts';
import {
  digestLeaves,
  type PinLeaf,
  referenceLeaves,
  tagLeaves,
} from '../../../../src/overrides/additions/pin-leaves.ts';

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

  it('include those of references with a scheme, which may be in the value or in the template', () => {
    const references = ['oci://r.example/m/c:2', 'oci+native://r.example/m/d:3'];
    const models = { model: 'oci://r.example/m/c:2', bare: 'r.example/m/d:3', other: 'r.example/m/e:4', tag: '3' };
    expect(asRecord(referenceLeaves(models, references))).toEqual({
      model: `oci://r.example/m/c:2@${DIGEST}`,
      bare: `r.example/m/d:3@${DIGEST}`,
    });
    expect(asRecord(tagLeaves(models, [], references))).toEqual({ tag: `3@${DIGEST}` });
  });

  it('include leaves with a full reference, pinning each occurrence', () => {
    expect(asRecord(referenceLeaves(values, ['r.example/m/c:2']))).toEqual({
      whole: `x=r.example/m/c:2@${DIGEST}, r.example/m/c:20`,
      'global.whole': `r.example/m/c:2@${DIGEST}`,
    });
  });
});
