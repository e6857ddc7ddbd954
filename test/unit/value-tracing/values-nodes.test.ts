import { describe, expect, it } from 'vitest';
import { formatPath } from '../../../src/base/field-path.ts';
import {
  emptyLeaves,
  imageMaps,
  isGlobal,
  keysReadByTemplates,
  valuesNodes,
} from '../../../src/value-tracing/values-nodes.ts';

const source = (text: string, ...prefixes: string[][]) => ({ text, prefixes: prefixes.length > 0 ? prefixes : [[]] });
const paths = (leaves: readonly { path: readonly (string | number)[] }[]): string[] =>
  leaves.map(({ path }) => formatPath(path));
const isSecret = (path: readonly (string | number)[]): boolean => /secrets$/i.test(String(path.at(-1)));

describe('nodes of the values by name', () => {
  it('are those of the values, in lists too, and those that only templates read', () => {
    const values = { pullSecrets: [], list: [{ secrets: null }], image: {}, text: 'x' };
    const templates = [source('{{ .Values.image.pullSecrets }} {{ .Values.text.secrets }} {{ .Values.list.secrets }}')];
    expect(paths(valuesNodes(values, templates, isSecret))).toEqual([
      'pullSecrets',
      'list[0].secrets',
      'image.pullSecrets',
    ]);
  });

  it("are below each alias of a subchart, and its globals are the whole chart's", () => {
    const templates = [source('{{ .Values.secrets }}{{ .Values.global.secrets }}', ['one'], ['two'])];
    const found = valuesNodes({ one: { global: { pullSecrets: ['a'] } } }, templates, isSecret);
    expect(paths(found)).toEqual(['global.pullSecrets', 'one.secrets', 'two.secrets', 'global.secrets']);
    expect(found[0]?.value).toEqual(['a']);
  });

  it('may be next to an image if template helpers read them from a map', () => {
    const values = { web: { image: { repository: 'a' } }, sidecarImage: { name: 'b' }, name: 'c' };
    expect(paths(imageMaps(values).map((path) => ({ path })))).toEqual(['web.image', 'sidecarImage']);
    expect(
      keysReadByTemplates([source('{{ .image.digest }}{{ with .root }}{{ .sha }}{{ end }}')], (key) =>
        /sha|dig/.test(key),
      ),
    ).toEqual(['digest', 'sha']);
  });
});

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
