import { describe, expect, it } from 'vitest';
import { splitDocuments } from '../../../src/helm/documents.ts';

const rendered = (...documents: readonly [string, string][]): string =>
  documents.map(([template, text]) => `---\n# Source: ${template}\n${text}\n`).join('');

describe('splitDocuments', () => {
  it('splits at separators with a comment, not at separators with text', () => {
    const render = '---\n# Source: a\na: 1\n--- # more\nb: 2\n---\tc\n';
    expect(splitDocuments(render).map(({ text }) => text)).toEqual(['a: 1\n', 'b: 2\n---\tc\n\n']);
  });

  it('returns each manifest with its template and index in the template', () => {
    const documents = splitDocuments(
      rendered(
        ['web/templates/a.yaml', 'kind: Secret'],
        ['web/templates/b.yaml', 'kind: ConfigMap'],
        ['web/templates/a.yaml', 'kind: Service'],
        ['web/charts/db/templates/a.yaml', 'kind: Pod'],
      ),
    );
    expect(documents.map(({ template, index, object }) => [template, index, object?.kind])).toEqual([
      ['web/templates/a.yaml', 0, 'Secret'],
      ['web/templates/b.yaml', 0, 'ConfigMap'],
      ['web/templates/a.yaml', 1, 'Service'],
      ['web/charts/db/templates/a.yaml', 0, 'Pod'],
    ]);
  });

  it('ignores separators inside block scalars', () => {
    const text = 'kind: ConfigMap\ndata:\n  x.yaml: |\n    a: 1\n    ---\n    # Source: other/x.yaml\n    b: 2';
    const [only, ...rest] = splitDocuments(rendered(['web/templates/a.yaml', text]));
    expect(rest).toEqual([]);
    expect(only?.object).toEqual({
      kind: 'ConfigMap',
      data: { 'x.yaml': 'a: 1\n---\n# Source: other/x.yaml\nb: 2\n' },
    });
  });

  it('keeps the Source line of a vendored manifest in its text', () => {
    const documents = splitDocuments(
      rendered(['web/templates/vendored.yaml', '# Source: other/templates/x.yaml\nkind: Pod']),
    );
    expect(documents).toHaveLength(1);
    expect(documents[0]).toMatchObject({ template: 'web/templates/vendored.yaml', object: { kind: 'Pod' } });
  });

  it('reads templates with CR LF line breaks', () => {
    const [document] = splitDocuments(rendered(['web/templates/a.yaml', 'kind: Pod\r\nspec:\r\n  image: "x:1"\r\n']));
    expect(document?.object).toEqual({ kind: 'Pod', spec: { image: 'x:1' } });
  });

  it('returns no object for documents that are not mappings', () => {
    const texts = ['', '# nothing but a comment', '- a\n- b', 'text', 'null'];
    const documents = splitDocuments(
      rendered(...texts.map((text): [string, string] => ['web/templates/a.yaml', text])),
    );
    expect(documents.map(({ index, object }) => [index, object])).toEqual(texts.map((_, i) => [i, undefined]));
  });

  it('returns no documents for an empty render', () => {
    expect(splitDocuments('')).toEqual([]);
    expect(splitDocuments('\n')).toEqual([]);
  });

  it('lets the last of duplicate keys win, as Kubernetes does', () => {
    expect(splitDocuments(rendered(['t', 'a: 1\na: 2']))[0]?.object).toEqual({ a: 2 });
  });

  it('resolves anchors and limits alias expansion', () => {
    const [document] = splitDocuments(rendered(['t', 'base: &b {image: "x:1"}\nuse: *b']));
    expect(document?.object).toEqual({ base: { image: 'x:1' }, use: { image: 'x:1' } });
    const levels = [...'abcdefghi'].map((name, i, all) =>
      i === 0
        ? 'a: &a [x, x, x, x, x, x, x, x, x]'
        : `${name}: &${name} [${Array(9)
            .fill(`*${all[i - 1]}`)
            .join(', ')}]`,
    );
    expect(splitDocuments(rendered(['t', levels.join('\n')]))[0]?.object).toBeUndefined();
  });

  it('merges one or several mappings with <<; own keys win', () => {
    const text = 'a: &a {image: "x:1", n: 1}\nb: &b {m: 2}\nc:\n  <<: [*a, *b]\n  n: 3';
    expect(splitDocuments(rendered(['t', text]))[0]?.object?.c).toEqual({ image: 'x:1', m: 2, n: 3 });
  });

  it('reads values that look like numbers or dates as Kubernetes does', () => {
    const [document] = splitDocuments(rendered(['t', 'a: 1.10\nb: "1.10"\nc: 2026-01-01\nd: yes\n1: x']));
    expect(document?.object).toEqual({ a: 1.1, b: '1.10', c: '2026-01-01', d: 'yes', '1': 'x' });
  });
});
