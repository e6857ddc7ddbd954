import { describe, expect, it } from 'vitest';
import { parseTarget } from '../../../../src/naming/naming.ts';
import { isTagAddition, isTagLabel, pendingTags, pendingTagsFor } from '../../../../src/overrides/additions/retag.ts';
import type { ReferenceLocation } from '../../../../src/overrides/proof/proof.ts';
import type { Change } from '../../../../src/value-tracing/changes.ts';

const target = parseTarget('r.example/all', 'single-repository');
const DIGEST = `sha256:${'a'.repeat(64)}`;

function location(written: string, fields: Partial<ReferenceLocation> = {}): ReferenceLocation {
  const base = { chart: 'web', profile: 'default', template: 'web/a.yaml', document: 0, kind: 'Pod', name: 'a' };
  return { ...base, path: 'spec.containers[0].image', how: 'pod-spec', written, reference: written, ...fields };
}

function change(before: unknown, after: unknown, path: Change['path'] = ['spec', 'containers', 0, 'image']): Change {
  return { render: 0, template: 'web/a.yaml', document: 0, path, before, after };
}

describe('pending tags of a shared repository', () => {
  it('are those with the target repository and the original tag', () => {
    const [open, ...others] = pendingTags([location('quay.io/a/b:1')], [location('r.example/all:1')], target, 0);
    expect(open).toMatchObject({ tag: '1', addition: '---quay.io--a--b', written: 'r.example/all:1' });
    expect(others).toEqual([]);
    expect(pendingTagsFor(change('', ''), open === undefined ? [] : [open])).toEqual([open]);
    expect(pendingTagsFor(change('', '', ['spec', 'other']), open === undefined ? [] : [open])).toEqual([]);
  });

  it.each([
    ['is still public', 'quay.io/a/b:1', 'quay.io/a/b:1'],
    ['has its tag', 'quay.io/a/b:1', 'r.example/all:1---quay.io--a--b'],
    ['has a digest', `quay.io/a/b:1@${DIGEST}`, `r.example/all:1@${DIGEST}`],
    ['was private before', 'r.example/all:1', 'r.example/all:1'],
  ])('exclude a location that %s', (_, before, after) => {
    expect(pendingTags([location(before)], [location(after)], target, 0)).toEqual([]);
  });

  it('list the fields of a split reference', () => {
    const parts = [
      { role: 'repository' as const, path: 'spec.image.repository', text: 'r.example/all' },
      { role: 'tag' as const, path: 'spec.image.tag', text: '1' },
    ];
    const [open] = pendingTags([location('quay.io/a/b:1')], [location('r.example/all:1', { parts })], target, 0);
    expect(open?.fields).toEqual(['spec.image.repository', 'spec.image.tag']);
  });
});

describe('a change of tags', () => {
  it('only appends to tags', () => {
    const text = 'r.example/all:1 and r.example/all:2';
    expect(isTagAddition(change(text, 'r.example/all:1---x and r.example/all:2---x-y'), ['---x', '---x-y'])).toBe(true);
    expect(isTagAddition(change(text, 'r.example/all:1---x and more'), ['---x'])).toBe(false);
    expect(isTagAddition(change(1.5, '1.5---x'), ['---x'])).toBe(true);
    expect(isTagAddition(change(undefined, '---x'), ['---x'])).toBe(false);
  });

  it('may show in a label, possibly truncated, and nowhere else', () => {
    const label = ['metadata', 'labels', 'app.kubernetes.io/version'];
    const longSuffix = `---${'x'.repeat(80)}`;
    expect(isTagLabel(change('1', '1---x', label), ['---x'])).toBe(true);
    expect(isTagLabel(change('1', `1${longSuffix}`.slice(0, 63), label), [longSuffix])).toBe(true);
    expect(isTagLabel(change('1', `1${longSuffix}`, label), [longSuffix]), 'no label takes that').toBe(false);
    expect(isTagLabel(change('1', '2---x', label), ['---x'])).toBe(false);
    expect(isTagLabel(change('1', '1---x', ['spec', 'selector', 'matchLabels', 'version']), ['---x'])).toBe(false);
  });
});
