import { expect, test } from 'vitest';
import { builtInRules, parseRules } from '../../../../src/discovery/rules/index.ts';
import { isLocationBundledByDefault } from '../../../../src/inventory/finding.ts';
import { tryParseReference } from '../../../../src/oci/reference.ts';
import { apply, operator, references, resource } from '../../../support/discovery/rules.ts';

const OTEL = 'ghcr.io/open-telemetry/opentelemetry-operator';
const OTEL_GO = 'ghcr.io/open-telemetry/opentelemetry-go-instrumentation/autoinstrumentation-go';
const COLLECTOR = 'ghcr.io/open-telemetry/opentelemetry-collector-releases';

/** Operator, a minimal render, and the references that its rule must add. */
const CASES: readonly [string, readonly object[], readonly string[]][] = [
  ['argo-workflows', [operator('quay.io/argoproj/workflow-controller:v4.0.6')], ['quay.io/argoproj/argoexec:v4.0.6']],
  [
    'ceph-csi-operator',
    [operator('quay.io/cephcsi/ceph-csi-operator:v1.0.4')],
    ['quay.io/cephcsi/cephcsi:v3.17.0', 'registry.k8s.io/sig-storage/csi-snapshot-metadata:v1.0.0'],
  ],
  [
    'cert-manager',
    [operator('quay.io/jetstack/cert-manager-controller:v1.21.1')],
    ['quay.io/jetstack/cert-manager-acmesolver:v1.21.1'],
  ],
  [
    'cloudnative-pg',
    [operator('ghcr.io/cloudnative-pg/cloudnative-pg:1.30.0')],
    ['ghcr.io/cloudnative-pg/postgresql:18.4-system-trixie', 'ghcr.io/cloudnative-pg/pgbouncer:1.25.1'],
  ],
  [
    'eck-operator',
    [
      resource('elasticsearch.k8s.elastic.co/v1', 'Elasticsearch', { version: '9.1.0' }),
      resource('agent.k8s.elastic.co/v1alpha1', 'Agent', { version: '8.17.0' }),
      resource('beat.k8s.elastic.co/v1beta1', 'Beat', { version: '9.1.0', type: 'filebeat' }),
    ],
    [
      'docker.elastic.co/elasticsearch/elasticsearch:9.1.0',
      'docker.elastic.co/beats/elastic-agent:8.17.0',
      'docker.elastic.co/beats/filebeat:9.1.0',
    ],
  ],
  [
    'gpu-operator',
    [
      resource('nvidia.com/v1', 'ClusterPolicy', {
        driver: { enabled: true, repository: 'nvcr.io/nvidia', image: 'driver', version: '580.1.2' },
      }),
    ],
    ['nvcr.io/nvidia/driver:580.1.2-ubuntu22.04'],
  ],
  ['istiod', [operator('registry.istio.io/release/pilot:1.30.3')], ['registry.istio.io/release/proxyv2:1.30.3']],
  [
    'knative-operator',
    [operator('gcr.io/knative-releases/knative.dev/operator/cmd/operator:v1.22.3')],
    [
      'gcr.io/knative-releases/knative.dev/serving/cmd/activator@sha256:5deaef961fef8d1417f6d4a4dfae2fc338f2d30d72c4ad58c3ab392b2c04705b',
      'docker.io/envoyproxy/envoy:v1.37-latest',
    ],
  ],
  [
    'minio-operator',
    [operator('quay.io/minio/operator:v7.1.1')],
    ['docker.io/minio/minio:RELEASE.2025-04-08T15-41-24Z', 'docker.io/minio/kes:2025-03-12T09-35-18Z'],
  ],
  [
    'opensearch-operator',
    [
      resource('opensearch.opster.io/v1', 'OpenSearchCluster', {
        general: { version: '2.19.0' },
        dashboards: { enable: true, version: '2.19.1' },
      }),
    ],
    [
      'docker.io/opensearchproject/opensearch:2.19.0',
      'docker.io/opensearchproject/opensearch-dashboards:2.19.1',
      'docker.io/library/busybox:latest',
    ],
  ],
  [
    'opentelemetry-operator',
    [operator(`${OTEL}/opentelemetry-operator:0.158.0`)],
    [`${OTEL}/target-allocator:0.158.0`],
  ],
  [
    'prometheus-operator',
    [operator('quay.io/prometheus-operator/prometheus-operator:v0.93.0')],
    [
      'quay.io/prometheus-operator/prometheus-config-reloader:v0.93.0',
      'quay.io/prometheus/alertmanager:v0.33.1',
      'quay.io/thanos/thanos:v0.42.2',
    ],
  ],
  [
    'rook-ceph',
    [operator('docker.io/rook/ceph:v1.20.6')],
    ['quay.io/ceph/cosi:v0.1.4', 'gcr.io/k8s-staging-sig-storage/objectstorage-sidecar:v0.2.2'],
  ],
  ['strimzi', [operator('quay.io/strimzi/operator:1.2.0')], ['quay.io/strimzi/kafka-bridge:latest']],
  [
    'tigera-operator',
    [operator('quay.io/tigera/operator:v1.42.3')],
    ['quay.io/calico/node:v3.32.1', 'quay.io/calico/whisker-backend:v3.32.1'],
  ],
  ['velero', [operator('docker.io/velero/velero:v1.15.2')], ['docker.io/velero/velero-restore-helper:v1.15.2']],
  [
    'victoria-metrics-operator',
    [operator('victoriametrics/operator:v0.74.0')],
    ['docker.io/victoriametrics/operator:config-reloader-v0.74.0', 'docker.io/victoriametrics/vmagent:v1.148.0'],
  ],
];

test('every built-in rule is valid, has a unique operator and is tested below', () => {
  expect(parseRules(builtInRules, 'built in')).toEqual(builtInRules);
  expect(builtInRules.map((rule) => rule.operator).sort()).toEqual(CASES.map(([name]) => name).sort());
});

test('every table entry is part of a valid reference', () => {
  for (const { images, tables = {} } of builtInRules) {
    for (const { reference } of images) {
      const [, name] = /\{(?:[^}]*\|)?table\.([^}|]+)\}$/.exec(reference) ?? [];
      for (const text of Object.values(tables[name ?? ''] ?? {})) {
        const written = reference.replace(/\{[^{}]*\}$/, text).replace(/\{[^{}]*\}/g, 'x');
        expect(tryParseReference(written), written).toBeDefined();
      }
    }
  }
});

test.each(CASES)('%s: applies to a minimal render, and no other rule does', (name, manifests, wanted) => {
  const references = apply(builtInRules, manifests);
  expect(references.map(({ reference }) => reference)).toEqual(expect.arrayContaining([...wanted]));
  expect([...new Set(references.map(({ within }) => within?.split(':')[0]))]).toEqual([`rule ${name}`]);
  const otherKinds = manifests.map((manifest) => ({ ...manifest, apiVersion: 'example.com/v1', kind: 'Widget' }));
  expect(apply(builtInRules, otherKinds)).toEqual([]);
});

test('an ordinary chart has no operator', () => {
  const manifests = [operator('docker.io/library/nginx:1.27'), operator('ghcr.io/org/operator:v1.0.0')];
  expect(apply(builtInRules, [...manifests, resource('v1', 'ConfigMap', {})])).toEqual([]);
});

test('opentelemetry: all that its binary chooses, for two versions, when the chart names a collector', () => {
  const applied = (version: string, collector: string) =>
    references(builtInRules, [
      operator(`${OTEL}/opentelemetry-operator:${version}`, { args: [`--collector-image=${collector}`] }),
    ]).sort();
  expect(applied('0.122.0', 'otel/opentelemetry-collector-k8s:0.122.1')).toEqual([
    `${OTEL_GO}:v0.19.0-alpha`,
    `${OTEL}/autoinstrumentation-apache-httpd:1.0.4`,
    `${OTEL}/autoinstrumentation-dotnet:1.2.0`,
    `${OTEL}/autoinstrumentation-java:1.33.6`,
    `${OTEL}/autoinstrumentation-nodejs:0.56.0`,
    `${OTEL}/autoinstrumentation-python:0.51b0`,
    `${OTEL}/operator-opamp-bridge:0.122.0`,
    `${OTEL}/target-allocator:0.122.0`,
  ]);
  expect(applied('0.158.0', `${COLLECTOR}/opentelemetry-collector-k8s:0.158.0`)).toEqual([
    `${COLLECTOR}/opentelemetry-collector-k8s:0.158.0`,
    `${OTEL_GO}:v0.24.0`,
    `${OTEL}/autoinstrumentation-apache-httpd:1.0.4`,
    `${OTEL}/autoinstrumentation-dotnet:1.16.0`,
    `${OTEL}/autoinstrumentation-java:2.30.0`,
    `${OTEL}/autoinstrumentation-nodejs:0.78.0`,
    `${OTEL}/autoinstrumentation-python:0.64b0`,
    `${OTEL}/operator-opamp-bridge:0.158.0`,
    `${OTEL}/target-allocator:0.158.0`,
  ]);
});

test('victoria metrics: a chart with resources needs their images, the other defaults are guesses', () => {
  const references = apply(builtInRules, [
    operator('victoriametrics/operator:v0.74.0'),
    resource('operator.victoriametrics.com/v1beta1', 'VMAgent', { image: { tag: 'v1.140.0' } }),
    resource('operator.victoriametrics.com/v1beta1', 'VMCluster', { vmselect: {}, clusterVersion: 'v1.139.0-cluster' }),
  ]);
  const likely = references.filter(({ confidence }) => confidence === 'likely').map(({ reference }) => reference);
  expect(likely).toEqual([
    'docker.io/victoriametrics/vmagent:v1.140.0',
    'docker.io/victoriametrics/vmselect:v1.139.0-cluster',
    'docker.io/victoriametrics/operator:config-reloader-v0.74.0',
  ]);
});

test('prometheus: nothing is added to complete references in resources and arguments', () => {
  const args = [
    '--prometheus-config-reloader=quay.io/prometheus-operator/prometheus-config-reloader:v0.93.0',
    '--prometheus-default-base-image=my.reg/prometheus',
    '--thanos-default-base-image=quay.io/thanos/thanos:v0.42.2',
  ];
  const references = apply(builtInRules, [
    operator('quay.io/prometheus-operator/prometheus-operator:v0.93.0', { args }),
    resource('monitoring.coreos.com/v1', 'Prometheus', { image: 'quay.io/prometheus/prometheus:v3.14.0' }, 'full'),
    resource('monitoring.coreos.com/v1', 'Prometheus', { version: 'v3.5.0', thanos: {} }, 'version'),
  ]);
  const likely = references.filter(({ confidence }) => confidence === 'likely');
  expect(likely.map(({ reference, name }) => [reference, name])).toEqual([['my.reg/prometheus:v3.5.0', 'version']]);
});

test('prometheus: the defaults for resources of users are added to those of the chart', () => {
  const references = apply(builtInRules, [
    operator('quay.io/prometheus-operator/prometheus-operator:v0.93.1', {
      args: ['--thanos-default-base-image=t.io/t:1'],
    }),
    resource('monitoring.coreos.com/v1', 'Prometheus', { image: 'quay.io/prometheus/prometheus:v3.14.0-distroless' }),
    resource('monitoring.coreos.com/v1', 'Alertmanager', { image: 'quay.io/prometheus/alertmanager:v0.34.0' }),
  ]);
  const taken = references.filter(isLocationBundledByDefault).map(({ reference, need }) => `${reference} ${need}`);
  expect(new Set(taken)).toEqual(
    new Set([
      'quay.io/prometheus/prometheus:v3.13.1 operand',
      'quay.io/prometheus/alertmanager:v0.33.1 operand',
      'quay.io/prometheus-operator/prometheus-config-reloader:v0.93.1 operand',
    ]),
  );
});

test.for(CASES)(
  '%s: a resource of the chart that names its own image takes no default from users',
  ([name, manifests]) => {
    const rules = builtInRules.filter(({ operator }) => operator === name);
    const wanted = (more: readonly object[]): Set<string> =>
      new Set(
        apply(rules, [...manifests, ...more])
          .filter(isLocationBundledByDefault)
          .map(({ reference }) => reference),
      );
    const kinds = (rules[0]?.images ?? []).flatMap(({ for: resourceOf, unless = [] }) => {
      const field = unless.find((condition) => 'field' in condition)?.field.replace(/^spec\./, '');
      return resourceOf === undefined || resourceOf.single || field === undefined ? [] : [{ ...resourceOf, field }];
    });
    const resources = kinds.map(({ group, kind, field }) => {
      const spec = field.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), 'own.example/image:1');
      return resource(`${group}/v1`, kind, spec as object);
    });
    const stillNeeded = wanted(resources);
    expect([...wanted([])].filter((reference) => !stillNeeded.has(reference))).toEqual([]);
  },
);

test('tigera: the registry and path of the Installation apply to every image', () => {
  const found = references(builtInRules, [
    operator('my.reg/tigera/operator:v1.42.3'),
    resource('operator.tigera.io/v1', 'Installation', { registry: 'my.reg/', imagePath: 'mirror/calico' }),
  ]);
  expect(found).toHaveLength(23);
  expect(found.every((reference) => /^my\.reg\/mirror\/calico\/[a-z0-9-]+:v3\.32\.1$/.test(reference))).toBe(true);
});

test('knative: the core, the default ingress and kourier; other ingresses and sources are guesses', () => {
  const references = apply(builtInRules, [
    operator('gcr.io/knative-releases/knative.dev/operator/cmd/operator:v1.22.3'),
  ]);
  const likely = references.filter(({ confidence }) => confidence === 'likely');
  expect(new Set(likely.map(({ reference }) => reference)).size).toBe(25);
  expect(likely.filter(({ need }) => need === 'optional').map(({ within }) => within)).toEqual([
    'rule knative-operator: kourier-envoy',
    'rule knative-operator: kourier-kourier',
  ]);
});

test('velero: versions that use their own image for restores get none', () => {
  expect(references(builtInRules, [operator('docker.io/velero/velero:v1.16.0')])).toEqual([]);
});

test('rook: the image set that its chart writes is not repeated by the CSI operator', () => {
  const data = {
    provisioner: 'x',
    attacher: 'x',
    resizer: 'x',
    snapshotter: 'x',
    registrar: 'x',
    plugin: 'x',
    addons: 'x',
  };
  const imageSet = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'rook-csi-operator-image-set-configmap' },
    data,
  };
  expect(references(builtInRules, [operator('quay.io/cephcsi/ceph-csi-operator:v1.0.4'), imageSet])).toEqual([
    'registry.k8s.io/sig-storage/csi-snapshot-metadata:v1.0.0',
  ]);
});

test('an operator in a List has its images too', () => {
  const manager = operator('quay.io/jetstack/cert-manager-controller:v1.21.1');
  const images = references(builtInRules, [manager]);
  const list = { apiVersion: 'v1', kind: 'List', items: [{ apiVersion: 'v1', kind: 'ServiceAccount' }, manager] };
  const typedList = { apiVersion: 'apps/v1', kind: 'DeploymentList', items: [manager] };
  expect(images).not.toEqual([]);
  for (const item of [list, typedList]) expect(references(builtInRules, [item])).toEqual(images);
});
