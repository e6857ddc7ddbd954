import { describe, expect, it } from 'vitest';
import { formatPath } from '../../../src/value-tracing/leaves.ts';
import { imageMaps, keysReadByTemplates, valuesNodes } from '../../../src/value-tracing/values-nodes.ts';

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
