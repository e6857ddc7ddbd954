import { expect, it } from 'vitest';
import { type ListContent, readList } from '../../../../src/lists/index.ts';
import { expectFacts } from '../../../support/facts.ts';

function read(components: string, variables: Record<string, string> = {}): ListContent {
  const text = `kind: ZarfPackageConfig\nmetadata: {name: a}\nconstants: [{name: C, value: "1"}]\ncomponents:\n${components}`;
  return readList(Buffer.from(text), { file: 'zarf.yaml', variables: new Map(Object.entries(variables)) });
}

it('charts of repositories, registries and folders', () => {
  const { charts, notTaken } = read(`  - name: a
    charts:
      - {name: a, url: https://c.example, repoName: app, version: 1.0.0, namespace: x, releaseName: y, valuesFiles: [v.yaml, "https://c.example/v.yaml"]}
      - {name: b, url: oci://r.example/charts/app, version: 1.0.0, namespace: x}
      - {name: c, localPath: charts/c, version: 1.0.0, namespace: x}
      - {name: d, url: https://g.example/d.git, gitPath: chart, version: 1.0.0, namespace: x}
      - {name: e, url: "https://g.example/e.git@v1", version: 1.0.0, namespace: x}
`);
  expect(charts).toMatchObject([
    { chart: 'app', repo: 'https://c.example', version: '1.0.0', namespace: 'x', releaseName: 'y', values: ['v.yaml'] },
    { chart: 'oci://r.example/charts/app', version: '1.0.0', releaseName: 'b' },
    { chart: 'charts/c', isPath: true, releaseName: 'c' },
  ]);
  expect(notTaken.map(({ place }) => place.line)).toEqual([7, 10, 11]);
});

it('charts and images of v1beta1', () => {
  const { charts, images } = read(`  - name: a
    images: [{name: quay.io/a/b:1}]
    charts:
      - {name: a, helmRepository: {name: app, url: https://c.example, version: 1.0.0}, valuesFiles: [{path: v.yaml}]}
      - {name: b, oci: {url: oci://r.example/b, ref: {tag: 2.0.0}}}
      - {name: c, local: {path: charts/c}}
`);
  expect(images.map(({ reference }) => reference)).toEqual(['quay.io/a/b:1']);
  expect(charts).toMatchObject([
    { chart: 'app', repo: 'https://c.example', version: '1.0.0', values: ['v.yaml'] },
    { chart: 'oci://r.example/b', version: '2.0.0' },
    { chart: 'charts/c', isPath: true },
  ]);
});

it('manifests and kustomizations', () => {
  const { manifests, kustomize, notTaken } = read(`  - name: a
    manifests:
      - {name: m, files: [a.yaml, "https://g.example/b.yaml"], kustomizations: [overlay, "github.com/a/b//c?ref=v1"]}
      - {name: n, kustomize: {files: [other]}}
`);
  expect([manifests, kustomize].map((sources) => sources.map(({ path }) => path))).toEqual([
    ['a.yaml'],
    ['overlay', 'other'],
  ]);
  expect(notTaken).toHaveLength(2);
});

it('what else it carries, and what it imports, is named', () => {
  const { notTaken } = read(
    '  - {name: a, import: {path: ../b}, repos: [x], files: [{source: a, target: b}], images: [a]}\n',
  );
  expectFacts(notTaken.map(({ what }) => what).join('\n'), '"../b/zarf.yaml"', 'repos', 'files');
  expect(notTaken).toHaveLength(3);
});

it('templates have the values of constants and of flags; others are problems with their line', () => {
  const images = '  - name: a\n    images:\n      - "a:###ZARF_CONST_C###"\n      - "b:###ZARF_PKG_TMPL_T###"\n';
  expect(read(images, { T: '2' }).images.map(({ reference }) => reference.split('/').at(-1))).toEqual(['a:1', 'b:2']);
  expect(() => read(images)).toThrow(/^zarf\.yaml:8: .*ZARF_PKG_TMPL_T/);
});

it('its architecture is the platform', () => {
  const component = '  - {name: a, only: {cluster: {architecture: arm64}}, images: [a]}\n  - {name: b, images: [b]}\n';
  expect(read(component).images.map(({ platforms }) => platforms)).toEqual([['linux/arm64'], []]);
});

it('a chart of an imported component may have only what differs', () => {
  const { charts, notTaken } = read('  - {name: a, import: {path: b}, charts: [{name: c, namespace: x}]}\n');
  expect(charts).toEqual([]);
  expect(notTaken).toHaveLength(2);
});

it('a template is not filled in with the constant that it defines', () => {
  const text =
    'constants: [{name: V, value: "###ZARF_PKG_TMPL_V###"}]\ncomponents: [{images: ["a:###ZARF_PKG_TMPL_V###"]}]';
  const bytes = Buffer.from(`kind: ZarfPackageConfig\n${text}\n`);
  const hint = expect.stringContaining('--var V=');
  expect(() => readList(bytes, { file: 'zarf.yaml' })).toThrow(expect.objectContaining({ hint }));
});
