import { describe, expect, it } from 'vitest';
import { emptyLeaves, isGlobal } from '../../../src/value-tracing/empty-leaves.ts';
import { formatPath } from '../../../src/value-tracing/leaves.ts';

const found = (values: Record<string, unknown>, text = '', prefixes: readonly string[][] = [[]]): string[] =>
  emptyLeaves(values, [{ prefixes, text }]).map(({ path }) => formatPath(path));

describe('leaves that can set a registry', () => {
  it('are empty leaves with such a name', () => {
    const values = { global: { imageRegistry: '' }, image: { repository: null, tag: '', pullPolicy: '' }, name: '' };
    expect(found(values)).toEqual(['global.imageRegistry', 'image.repository']);
  });

  it('are leaves that only templates read, in any syntax', () => {
    const text = `{{ .Values.image.registry }} {{ ((.Values.job).image) }} {{ index .Values "hooks" "image" }}
      {{ dig "wait" "repository" "" .Values.AsMap }} {{ dig "init" "image" "busybox" .Values.extra }}`;
    expect(found({}, text)).toEqual([
      'image.registry',
      'job.image',
      'hooks.image',
      'wait.repository',
      'extra.init.image',
    ]);
  });

  it('are below the name or alias of the subchart, except for globals', () => {
    const text = '{{ .Values.image.registry }} {{ .Values.global.registry }}';
    expect(found({}, text, [['cache'], ['queue']])).toEqual([
      'cache.image.registry',
      'queue.image.registry',
      'global.registry',
    ]);
  });

  it('are `registry` next to a repository or an image name, not next to any name', () => {
    const values = { image: { repository: 'a/b' }, hookImage: { name: 'a/c' }, serviceAccount: { name: 'x' } };
    expect(found(values, '{{ .image.registry }}')).toEqual(['image.registry', 'hookImage.registry']);
    expect(found(values, '{{ .image.repository }}')).toEqual([]);
  });

  it('are not inside a string or a list', () => {
    expect(found({ image: 'quay.io/a/b' }, '{{ .Values.image.registry }}')).toEqual([]);
    expect(found({ images: [] }, '{{ .Values.images.registry }}')).toEqual([]);
  });

  it('apply to the whole chart if they are global or at the root', () => {
    expect(
      [['global', 'hub'], ['hub'], ['a', 'global', 'hub'], ['image', 'hub']].map((path) =>
        isGlobal({ path, value: '' }),
      ),
    ).toEqual([true, true, true, false]);
  });
});
