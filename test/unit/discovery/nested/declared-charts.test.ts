import { describe, expect, it } from 'vitest';
import { scriptedInstalls } from '../../../../src/discovery/nested/index.ts';
import { splitDocuments } from '../../../../src/helm/documents.ts';
import { job, nested } from '../../../support/discovery/nested-charts.ts';

const STABLE = 'https://charts.example/stable';
const charts = { shop: { version: '1.4.0', repository: `${STABLE}/`, values: { a: 1, b: { c: 1 } } } };

describe('a chart that the values declare', () => {
  it('is installed by a script that names it, with the values of the script', () => {
    const encoded = Buffer.from('b: {c: 2}').toString('base64');
    const script = `
helm repo add s ${STABLE}
VALUES="${encoded}"
echo "$VALUES" | base64 -d > /tmp/v.yaml
retry 3 "helm upgrade shop" -- helm upgrade --install shop s/shop \\
  --version 1.4.0 -n store --wait --set x=y --set z="$UNKNOWN" $EXTRA -f /tmp/v.yaml`;
    expect(nested([job(script)], { charts })).toEqual([
      {
        name: 'shop',
        version: '1.4.0',
        repository: STABLE,
        values: { a: 1, b: { c: 2 } },
        set: ['x=y'],
        setString: [],
        unresolved: [],
        releaseName: 'shop',
        namespace: 'store',
        via: {
          template: 'app/templates/t0.yaml',
          document: 0,
          kind: 'Job',
          name: 'installer',
          path: 'spec.template.spec.containers[0].args',
          values: ['charts', 'shop'],
        },
      },
    ]);
  });

  it('receives the values that the script decodes, with any base64 padding', () => {
    for (const values of ['b: {c: 2}', 'b: {c: 22}', 'b: {c: 222}']) {
      const encoded = Buffer.from(values).toString('base64');
      const calls = `helm install shop s/shop --version 1.4.0 -f /tmp/v.yaml`;
      for (const command of [`echo "${encoded}"`, `V="${encoded}"\necho "$V"`]) {
        const script = `helm repo add s ${STABLE}\n${command} | base64 -d > /tmp/v.yaml\n${calls}`;
        const c = Number(/2+/.exec(values)?.[0]);
        expect(nested([job(script)], { charts })).toMatchObject([{ values: { a: 1, b: { c } } }]);
      }
    }
  });

  it('is not resolved by an alias of an OCI registry, which Helm does not support', () => {
    const oci = { shop: { version: '1.4.0', repository: 'oci://r.example/charts/shop' } };
    const script = 'helm repo add s oci://r.example/charts/shop\nhelm install shop s/shop --version 1.4.0';
    const documents = splitDocuments(`---\n# Source: app/templates/job.yaml\n${job(script)}\n`);
    expect(scriptedInstalls(documents)).toMatchObject([{ chart: 's/shop', address: undefined }]);
    expect(nested([job(script)], { charts: oci })).toHaveLength(1);
  });

  it('is not installed when nothing calls Helm for it', () => {
    expect(nested([job(`echo shop ${STABLE} 1.4.0`)], { charts })).toEqual([]);
    expect(nested([job('helm uninstall shop')], { charts })).toEqual([]);
    expect(nested([job(`echo "helm upgrade --install shop ${STABLE}/shop"`)], { charts })).toEqual([]);
  });

  it('is not installed when the calls are for other entries', () => {
    const declared = { ...charts, db: { version: '2.0.0', repository: STABLE } };
    const script = `helm repo add s ${STABLE}\nhelm install shop s/shop\necho "db 2.0.0 is switched off"`;
    expect(nested([job(script)], { charts: declared }).map(({ name, version }) => [name, version])).toEqual([
      ['shop', '1.4.0'],
    ]);
  });

  it('may be an OCI repository itself, or in one', () => {
    const entries = {
      whole: { version: '1.0.0', repository: 'oci://r.example/charts/whole-chart' },
      part: { version: '2.0.0', repository: 'oci://r.example/charts' },
    };
    const script =
      'helm upgrade -i whole oci://r.example/charts/whole-chart\nhelm upgrade -i part oci://r.example/charts/part';
    expect(nested([job(script)], { charts: entries })).toMatchObject([
      { name: 'whole-chart', repository: 'oci://r.example/charts', version: '1.0.0', releaseName: 'whole' },
      { name: 'part', repository: 'oci://r.example/charts', version: '2.0.0' },
    ]);
  });

  it('may be an item of a list', () => {
    const list = [{ name: 'front', chart: 'shop', version: 1.4, repoURL: STABLE, valuesObject: { a: 1 } }];
    const script = `helm install front shop --repo ${STABLE} --version 1.4`;
    expect(nested([job(script)], { list })).toMatchObject([
      { name: 'shop', releaseName: 'front', version: '1.4', values: { a: 1 }, via: { values: ['list', '0'] } },
    ]);
  });
});

describe('a script that iterates over a list', () => {
  const loop = job('for c in $(ls /charts); do helm upgrade --install "$c" "$REPO/$c" --version "$V"; done');
  const map = (text: string): string =>
    JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'list' }, data: { 'charts.json': text } });
  const names = (values: Record<string, unknown>, text = JSON.stringify(values)): string[] =>
    nested([loop, map(text)], values).map(({ name }) => name);

  it('installs the entries that are in the render', () => {
    expect(names({ charts })).toEqual(['shop']);
    expect(names({ charts }, '{}')).toEqual([]);
  });

  it.each([
    ['its own flag', { charts: { shop: { ...charts.shop, enabled: false } } }],
    ['a condition', { shop: { on: false }, charts: { shop: { ...charts.shop, condition: 'shop.on' } } }],
    ['a switch by its name', { charts, install: { shop: false, db: true } }],
  ])('honours %s', (_, values) => {
    expect(names(values)).toEqual([]);
  });
});

describe('a Helm call with a complete address', () => {
  it('installs a chart without declared values', () => {
    const script = `
. /lib.sh
CHART_VERSION=1.4.0
helm --kubeconfig /k repo add s ${STABLE}
helm --kubeconfig /k upgrade --install "$RELEASE" s/shop --version "$CHART_VERSION" -f /config/shop.yaml,/other.yaml`;
    const map = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: files}\ndata: {shop.yaml: "a: 1"}';
    expect(nested([job(script, { RELEASE: 'front' }), map])).toMatchObject([
      {
        name: 'shop',
        version: '1.4.0',
        repository: STABLE,
        releaseName: 'front',
        values: { a: 1 },
        unresolved: ['values file /other.yaml'],
      },
    ]);
  });

  it('may be a command without a shell, or in a script of a ConfigMap', () => {
    const containers = [{ name: 'x', command: ['helm', 'upgrade', '--install', 'x', 'oci://r.example/c/x'] }];
    const plain = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers } };
    const data = { 'run.sh': '#!/bin/sh\nhelm install y https://c.example/y-1.0.0.tgz\n' };
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, data };
    expect(nested([JSON.stringify(plain), JSON.stringify(map)]).map(({ name, via }) => [name, via.path])).toEqual([
      ['x', 'spec.containers[0].command'],
      ['y', 'data["run.sh"]'],
    ]);
  });

  it('is ignored for a local chart or one named by a variable', () => {
    expect(nested([job('helm install x ./charts/x\nhelm install y $CHART\nhelm install z unknown/z')])).toEqual([]);
  });
});
