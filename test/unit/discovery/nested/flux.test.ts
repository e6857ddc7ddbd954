import { describe, expect, it } from 'vitest';
import { nested } from '../../../support/discovery/nested-charts.ts';

const repository = (url: string, name = 'stable'): string => `
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: ${name}}
spec: {url: "${url}"}`;

const release = (spec: string, version = 'v2'): string => `
apiVersion: helm.toolkit.fluxcd.io/${version}
kind: HelmRelease
metadata: {name: web, namespace: shop}
spec: ${spec}`;

const CHART = 'chart: {spec: {chart: shop, version: 1.4.0, sourceRef: {kind: HelmRepository, name: stable}}}';

describe('a HelmRelease', () => {
  it.each(['v2', 'v2beta1', 'v2beta2'])('%s names a chart in a HelmRepository', (version) => {
    expect(nested([repository('https://charts.example'), release(`{${CHART}, values: {a: 1}}`, version)])).toEqual([
      {
        name: 'shop',
        version: '1.4.0',
        repository: 'https://charts.example',
        values: { a: 1 },
        valuesFiles: [],
        set: [],
        unresolved: [],
        releaseName: 'web',
        namespace: 'shop',
        via: {
          template: 'app/templates/t1.yaml',
          document: 0,
          kind: 'HelmRelease',
          name: 'web',
          path: 'spec.chart.spec',
        },
      },
    ]);
  });

  it('in an OCI repository', () => {
    const charts = nested([repository('oci://registry.example/charts/'), release(`{${CHART}}`)]);
    expect(charts).toMatchObject([{ name: 'shop', repository: 'oci://registry.example/charts' }]);
  });

  it('refers to an OCIRepository, which is the chart, or to a HelmChart', () => {
    const oci = `
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: web}
spec: {url: "oci://registry.example/charts/shop", ref: {tag: 1.4.0}}`;
    const chart = `
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmChart
metadata: {name: db}
spec: {chart: db, version: 2.x, sourceRef: {kind: HelmRepository, name: stable}, valuesFiles: [values-ha.yaml]}`;
    const charts = nested([
      oci,
      chart,
      repository('https://charts.example'),
      release('{chartRef: {kind: OCIRepository, name: web}}'),
      release('{chartRef: {kind: HelmChart, name: db}}').replace('name: web,', 'name: db,'),
    ]);
    expect(charts).toMatchObject([
      { name: 'shop', version: '1.4.0', repository: 'oci://registry.example/charts' },
      { name: 'db', version: '2.x', repository: 'https://charts.example', valuesFiles: ['values-ha.yaml'] },
    ]);
  });

  it.each([
    ['{digest: "DIGEST", semver: 1.x, tag: 1.4.0}', { version: '', digest: `sha256:${'a'.repeat(64)}` }],
    ['{tag: "1.4.0@DIGEST"}', { version: '1.4.0', digest: `sha256:${'a'.repeat(64)}` }],
    ['{semver: 1.x, tag: 1.4.0}', { version: '1.x' }],
  ])('refers to an OCIRepository with ref %s', (ref, expected) => {
    const oci = `
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: web}
spec: {url: "oci://registry.example/charts/shop", ref: ${ref.replace('DIGEST', `sha256:${'a'.repeat(64)}`)}}`;
    const [chart] = nested([oci, release('{chartRef: {kind: OCIRepository, name: web}}')]);
    expect(chart).toMatchObject({ name: 'shop', repository: 'oci://registry.example/charts', ...expected });
    expect('digest' in (chart ?? {})).toBe('digest' in expected);
  });

  it('reads values from ConfigMaps and Secrets of the render in order, then its own', () => {
    const map = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {values.yaml: "a: 1\\nb: 1\\nc: 1"}';
    const encoded = Buffer.from('b: 2\nc: 2').toString('base64');
    const secret = `apiVersion: v1\nkind: Secret\nmetadata: {name: two}\ndata: {prod: ${encoded}, tag: ${Buffer.from('x').toString('base64')}}`;
    const from = `[{kind: ConfigMap, name: one}, {kind: Secret, name: two, valuesKey: prod}, {kind: Secret, name: three},
      {kind: Secret, name: two, valuesKey: tag, targetPath: image.tag}, {kind: Secret, name: two, valuesKey: tag, targetPath: c}]`;
    const [chart] = nested([
      map,
      secret,
      repository('https://charts.example'),
      release(`{${CHART}, valuesFrom: ${from}, values: {c: 3}}`),
    ]);
    expect(chart).toMatchObject({ values: { a: 1, b: 2, c: 3 }, set: ['image.tag=x'], unresolved: ['Secret three'] });
  });

  it('without its repository in the render is known by name', () => {
    expect(nested([release(`{${CHART}}`)])).toMatchObject([{ name: 'shop', repository: '' }]);
  });

  it('is not a chart when it is suspended, or comes from Git', () => {
    const git = release('{chart: {spec: {chart: ./charts/x, sourceRef: {kind: GitRepository, name: g}}}}');
    expect(nested([repository('https://c.example'), release(`{suspend: true, ${CHART}}`), git])).toEqual([]);
  });
});
