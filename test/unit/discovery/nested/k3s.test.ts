import { describe, expect, it } from 'vitest';
import { nested } from '../../../support/discovery/nested-charts.ts';

const chart = (spec: string): string => `
apiVersion: helm.cattle.io/v1
kind: HelmChart
metadata: {name: edge, namespace: kube-system}
spec: ${spec}`;

describe('a HelmChart of k3s', () => {
  it('has values as text, then those of a HelmChartConfig, then assignments', () => {
    const config = chart('{valuesContent: "b: 2\\n"}').replace('HelmChart', 'HelmChartConfig');
    expect(
      nested([
        config,
        chart('{chart: shop, repo: "https://c.example", version: 1.4.0, set: {c: "3"}, valuesContent: "a: 1\\nb: 1"}'),
      ]),
    ).toEqual([
      {
        name: 'shop',
        version: '1.4.0',
        repository: 'https://c.example',
        values: { a: 1, b: 2 },
        set: ['c=3'],
        unresolved: [],
        releaseName: 'edge',
        namespace: 'kube-system',
        via: { template: 'app/templates/t1.yaml', document: 0, kind: 'HelmChart', name: 'edge', path: 'spec.chart' },
      },
    ]);
  });

  it('may have the URL of the chart', () => {
    const addresses = nested([
      chart('{chart: "oci://r.example/charts/shop:1.4.0"}'),
      chart('{chart: "https://c.example/files/shop-1.4.0.tgz"}'),
    ]);
    expect(addresses).toMatchObject([
      { name: 'shop', version: '1.4.0', repository: 'oci://r.example/charts' },
      { name: 'shop', version: '1.4.0', url: 'https://c.example/files/shop-1.4.0.tgz' },
    ]);
  });

  it('may contain the archive', () => {
    expect(nested([chart('{chartContent: H4sIAAAA}')])).toMatchObject([{ name: 'edge', content: 'H4sIAAAA' }]);
  });

  it('of a server that only the cluster knows is ignored', () => {
    expect(nested([chart('{chart: "https://%{KUBERNETES_API}%/static/charts/traefik.tgz"}')])).toEqual([]);
  });
});
