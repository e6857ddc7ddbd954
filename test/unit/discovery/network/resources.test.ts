import { expect, test } from 'vitest';
import { list, needs } from '../../../support/discovery/network-needs.ts';

const resource = (apiVersion: string, kind: string, spec: object): string =>
  JSON.stringify({ apiVersion, kind, metadata: { name: 'r' }, spec });

test.each([
  [
    'argoproj.io/v1alpha1',
    'Application',
    { source: { repoURL: 'https://github.com/acme/x' } },
    'git https://github.com/acme/x',
  ],
  [
    'argoproj.io/v1alpha1',
    'Application',
    { sources: [{ repoURL: 'https://charts.acme.dev', chart: 'x' }] },
    'chart-repository https://charts.acme.dev',
  ],
  [
    'argoproj.io/v1alpha1',
    'ApplicationSet',
    { template: { spec: { source: { repoURL: 'ghcr.io/acme/charts', chart: 'x' } } } },
    'chart-repository oci://ghcr.io/acme/charts',
  ],
  [
    'source.toolkit.fluxcd.io/v1',
    'GitRepository',
    { url: 'ssh://git@github.com/acme/x' },
    'git ssh://github.com/acme/x',
  ],
  [
    'source.toolkit.fluxcd.io/v1',
    'HelmRepository',
    { url: 'https://charts.acme.dev' },
    'chart-repository https://charts.acme.dev',
  ],
  [
    'source.toolkit.fluxcd.io/v1',
    'OCIRepository',
    { url: 'oci://ghcr.io/acme/x', ref: { semver: '1.x' } },
    'chart oci://ghcr.io/acme/x',
  ],
  [
    'argoproj.io/v1alpha1',
    'Application',
    { source: { repoURL: 'oci://ghcr.io/acme/x', targetRevision: '1.x' } },
    'chart oci://ghcr.io/acme/x',
  ],
  [
    'helm.cattle.io/v1',
    'HelmChart',
    { chart: 'x', repo: 'https://charts.acme.dev' },
    'chart-repository https://charts.acme.dev',
  ],
  [
    'grafana.integreatly.org/v1beta1',
    'GrafanaDashboard',
    { grafanaCom: { id: 1860, revision: 30 } },
    'dashboard https://grafana.com/api/dashboards/1860/revisions/30/download',
  ],
  [
    'kafka.strimzi.io/v1',
    'KafkaConnect',
    { build: { plugins: [{ artifacts: [{ url: 'https://acme.dev/c' }] }] } },
    'download https://acme.dev/c',
  ],
  [
    'serving.kserve.io/v1beta1',
    'InferenceService',
    { predictor: { model: { storageUri: 'hf://acme/m' } } },
    'model https://huggingface.co/acme/m',
  ],
  [
    'serving.kserve.io/v1beta1',
    'InferenceService',
    { predictor: { storageUris: [{ uri: 'https://acme.dev/m' }] } },
    'model https://acme.dev/m',
  ],
  [
    'serving.kserve.io/v1alpha2',
    'LLMInferenceService',
    { model: { uri: 'hf://acme/m' } },
    'model https://huggingface.co/acme/m',
  ],
  ['extensions.istio.io/v1alpha1', 'WasmPlugin', { url: 'https://acme.dev/p.wasm' }, 'plugin https://acme.dev/p.wasm'],
])('%s %s %j', (apiVersion, kind, spec, expected) => {
  expect(list(resource(apiVersion, kind, spec))).toEqual([expected]);
});

test('locations are fields of the resource', () => {
  const [need] = needs(
    resource('argoproj.io/v1alpha1', 'Application', { sources: [{ repoURL: 'https://github.com/a/b' }] }),
  );
  expect(need?.found).toMatchObject([{ path: 'spec.sources[0].repoURL', evidence: 'repoURL: https://github.com/a/b' }]);
});

test.each([
  ['permitted sources', 'argoproj.io/v1alpha1', 'AppProject', { sourceRepos: ['https://github.com/a/b'] }],
  [
    'a source in the cluster',
    'argoproj.io/v1alpha1',
    'Application',
    { source: { repoURL: 'http://gitea.git.svc/a/b' } },
  ],
  ['what a generator fills in', 'argoproj.io/v1alpha1', 'ApplicationSet', { template: { repoURL: '{{ .url }}' } }],
  ['the same field of another group', 'acme.dev/v1', 'GitRepository', { url: 'https://github.com/a/b' }],
])('not %s', (_name, apiVersion, kind, spec) => {
  expect(list(resource(apiVersion, kind, spec))).toEqual([]);
});
