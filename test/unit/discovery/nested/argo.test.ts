import { describe, expect, it } from 'vitest';
import { nested } from '../../../support/discovery/nested-charts.ts';

const application = (spec: string): string => `
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: web}
spec:
${spec.replace(/^/gm, '  ')}`;

describe('an Application', () => {
  it('names a chart in a repository, with its values, parameters and release', () => {
    expect(
      nested([
        application(`
destination: {namespace: shop}
source:
  repoURL: https://charts.example/stable
  chart: shop
  targetRevision: 1.4.0
  helm:
    values: |
      image: {tag: "7"}
    valueFiles: [values-prod.yaml, $site/values.yaml]
    parameters:
      - {name: a.b, value: "x,y"}
      - {name: a.list, value: "{x,y}"}
      - {name: a.c, value: "1", forceString: true}`),
      ]),
    ).toEqual([
      {
        name: 'shop',
        version: '1.4.0',
        repository: 'https://charts.example/stable',
        values: { image: { tag: '7' } },
        valuesFiles: ['values-prod.yaml'],
        set: ['a.b=x\\,y', 'a.list={x,y}'],
        setString: ['a.c=1'],
        unresolved: ['values file $site/values.yaml'],
        releaseName: 'web',
        namespace: 'shop',
        via: {
          template: 'app/templates/t0.yaml',
          document: 0,
          kind: 'Application',
          name: 'web',
          path: 'spec.source',
        },
      },
    ]);
  });

  it('may have several sources, of which those in Git are not charts; valuesObject overrides values', () => {
    const charts = nested([
      application(`
source: {repoURL: "https://charts.example", chart: passed-over, targetRevision: "1"}
sources:
  - {repoURL: "https://git.example/x.git", path: manifests, targetRevision: main}
  - repoURL: registry.example/charts
    chart: db
    targetRevision: 2.0.0
    helm: {releaseName: data, valuesObject: {a: 1}, values: "a: 2"}`),
    ]);
    expect(charts).toMatchObject([
      {
        name: 'db',
        repository: 'oci://registry.example/charts',
        version: '2.0.0',
        releaseName: 'data',
        values: { a: 1 },
        via: { path: 'spec.sources[1]' },
      },
    ]);
  });

  it.each([
    ['repoURL: registry.example/charts, chart: db', 'DIGEST', ''],
    ['repoURL: registry.example/charts, chart: db', '2.0.0@DIGEST', '2.0.0'],
    ['repoURL: "oci://registry.example/charts/db", helm: {}', 'DIGEST', ''],
  ])('names a chart by its digest: %s', (source, revision, version) => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const targetRevision = revision.replace('DIGEST', digest);
    expect(nested([application(`source: {${source}, targetRevision: "${targetRevision}"}`)])).toMatchObject([
      { name: 'db', version, repository: 'oci://registry.example/charts', digest },
    ]);
  });

  it('may be in a List', () => {
    const application = { apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', metadata: { name: 'a' } };
    const spec = { source: { repoURL: 'https://c.example', chart: 'a', targetRevision: '1' } };
    const [chart] = nested([JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [{ ...application, spec }] })]);
    expect(chart).toMatchObject({ name: 'a', via: { path: 'items[0].spec.source' } });
  });

  it('may be in a typed list, whose items need no kind', () => {
    const spec = { source: { repoURL: 'https://c.example', chart: 'a', targetRevision: '1' } };
    const all = {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'ApplicationList',
      items: [{ metadata: { name: 'a' }, spec }],
    };
    expect(nested([JSON.stringify(all)])).toMatchObject([{ name: 'a', via: { kind: 'Application' } }]);
  });

  it.each([
    ['HTTPS://c.example', 'a', { repository: 'https://c.example', name: 'a' }],
    ['OCI://c.example/b', 'a', { repository: 'oci://c.example/b', name: 'a' }],
    ['https://c.example', '_a', { repository: 'https://c.example', name: '_a' }],
  ])('is found under %s as %s', (repoURL, chart, expected) => {
    const found = nested([application(`source: {repoURL: "${repoURL}", chart: "${chart}", targetRevision: 1.0.0}`)]);
    expect(found).toMatchObject([expected]);
  });

  it('is ignored in another group', () => {
    expect(
      nested([application('source: {repoURL: "https://c", chart: a}').replace('argoproj.io', 'app.k8s.io')]),
    ).toEqual([]);
  });
});

describe('an ApplicationSet', () => {
  const applicationSet = (generators: string, chart = '{{chart}}'): string => `
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: all}
spec:
  generators: ${generators}
  template:
    metadata: {name: "{{ .name }}"}
    spec:
      destination: {namespace: default}
      source:
        repoURL: https://charts.example
        chart: "${chart}"
        targetRevision: "{{version}}"
        helm: {values: "tag: {{values.tag}}"}`;

  it('declares a chart for each element of its lists', () => {
    expect(
      nested([
        applicationSet(
          '[{list: {elements: [{chart: a, version: 1.0.0}, {chart: b, version: 2.0.0, values: {tag: x}}]}}]',
        ),
      ]).map(({ name, version, values }) => [name, version, values]),
    ).toEqual([
      ['a', '1.0.0', {}],
      ['b', '2.0.0', { tag: 'x' }],
    ]);
  });

  it('multiplies the lists of a matrix', () => {
    const lists = '{list: {elements: [{chart: a}, {chart: b}]}}, {list: {elements: [{version: 1.0.0}]}}';
    const charts = nested([applicationSet(`[{matrix: {generators: [${lists}]}}]`)]);
    expect(charts.map(({ name, version }) => `${name} ${version}`)).toEqual(['a 1.0.0', 'b 1.0.0']);
  });

  it('keeps parameters that only the cluster knows', () => {
    expect(nested([applicationSet('[{clusters: {}}]', 'agent')])).toMatchObject([
      { name: 'agent', version: '{{version}}' },
    ]);
  });
});
