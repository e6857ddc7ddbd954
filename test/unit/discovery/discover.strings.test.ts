import { describe, expect, test } from 'vitest';
import { configMap, custom, deployment, discover, references } from '../../support/discovery/references.ts';

const own = 'reg.io/own:1';

describe('environment variables', () => {
  const env = (...pairs: [string, string][]) => deployment({ env: pairs.map(([name, value]) => ({ name, value })) });

  test.each([
    ['AGENT_INJECT_VAULT_IMAGE', 'hashicorp/vault:1.19', 'docker.io/hashicorp/vault:1.19'],
    ['ROOK_CSI_CEPH_IMAGE', 'quay.io/cephcsi/cephcsi:v3', 'quay.io/cephcsi/cephcsi:v3'],
    ['POSTGRES_IMAGE_NAME', 'ghcr.io/cnpg/postgresql:17', 'ghcr.io/cnpg/postgresql:17'],
    ['RELATED_IMAGE_BACKUP', 'org/backup:1', 'docker.io/org/backup:1'],
    ['SIDECAR', 'quay.io/org/sidecar:1.0', 'quay.io/org/sidecar:1.0'],
    ['SIDECAR', 'org/sidecar:v1.0.2', 'docker.io/org/sidecar:v1.0.2'],
    ['HELPER_IMAGE', 'busybox', 'docker.io/library/busybox:latest'],
  ])('%s=%s', (name, value, reference) => {
    expect(references(env([name, value]))).toEqual([own, reference]);
    const located = discover(env(['OTHER', 'x'], [name, value])).find((found) => found.how === 'env');
    expect(located).toMatchObject({ path: 'spec.template.spec.containers[0].env[1].value', need: 'operand' });
    expect(located).not.toHaveProperty('within');
  });

  test('maps of several lines keep the line', () => {
    const value = '3.9.0=quay.io/strimzi/kafka:0.50-kafka-3.9.0\n4.0.0=quay.io/strimzi/kafka:0.50-kafka-4.0.0\n';
    expect(discover(env(['STRIMZI_KAFKA_IMAGES', value])).slice(1)).toMatchObject([
      { within: 'line 1', written: 'quay.io/strimzi/kafka:0.50-kafka-3.9.0' },
      { within: 'line 2', written: 'quay.io/strimzi/kafka:0.50-kafka-4.0.0' },
    ]);
  });

  test('JSON maps and comma lists', () => {
    expect(references(env(['LAMBDA_IMAGE_MAPPING', '{"python3.12": "org/py:3.12", "x": {"y": "org/z:1"}}']))).toEqual([
      own,
      'docker.io/org/py:3.12',
      'docker.io/org/z:1',
    ]);
    expect(references(env(['PULL_IMAGES', 'org/a:1,org/b:2']))).toEqual([
      own,
      'docker.io/org/a:1',
      'docker.io/org/b:2',
    ]);
  });

  test('splits over variables', () => {
    expect(references(env(['WORKER_CONTAINER_REPOSITORY', 'apache/airflow'], ['WORKER_CONTAINER_TAG', '2.8']))).toEqual(
      [own, 'docker.io/apache/airflow:2.8'],
    );
    expect(references(env(['DB_IMAGE', 'quay.io/m/db'], ['INIT_DB_VERSION', '9'], ['DB_VERSION', '1.9']))).toContain(
      'quay.io/m/db:1.9',
    );
    expect(references(env(['S_REPO_URL', 'quay.io/m'], ['S_NAME', 'search'], ['S_VERSION', '1.70']))).toContain(
      'quay.io/m/search:1.70',
    );
  });

  test('a name whose tag only the operator knows is not a reference', () => {
    expect(
      references(env(['MONGODB_IMAGE', 'mongodb-community-server'], ['MONGODB_REPO_URL', 'quay.io/mongodb'])),
    ).toEqual([own]);
  });

  test.each([
    ['IMAGE_PULL_POLICY', 'always'],
    ['REDIS_ADDR', 'release-redis:6379'],
    ['SERVER', 'repo-server.argocd.svc.cluster.local:8081/health'],
    ['HOST', 'localhost:8080/path:1.0'],
    ['URL', 'https://quay.io/org/x:1.0'],
    ['MODULE', 'github.com/org/module:v1.2.3'],
    ['GROUP', 'networking.k8s.io/v1'],
    ['SELINUX', 's0:c123,c456'],
    ['CONFIG', '/etc/app/config.yaml:ro'],
    ['CIDR', '10.0.0.0/8'],
    ['WHEN', '2024-01-01T00:00:00Z'],
    ['SELECTOR', 'type!=kubernetes.io/dockercfg'],
    ['CHART', 'jetstack/cert-manager'],
  ])('look-alike %s=%s', (name, value) => {
    expect(references(env([name, value]))).toEqual([own]);
  });
});

describe('arguments', () => {
  test.each([
    [['--acme-http01-solver-image=quay.io/jetstack/solver:v1'], 'quay.io/jetstack/solver:v1', 'args[0]'],
    [['--executor-image', 'quay.io/argoproj/argoexec:v4'], 'quay.io/argoproj/argoexec:v4', 'args[1]'],
    [
      ['-entrypoint-image', `gcr.io/tekton/entry@sha256:${'b'.repeat(64)}`],
      `gcr.io/tekton/entry@sha256:${'b'.repeat(64)}`,
      'args[1]',
    ],
    [
      ['--config-reloader=quay.io/prometheus-operator/reloader:v0.93.1'],
      'quay.io/prometheus-operator/reloader:v0.93.1',
      'args[0]',
    ],
    [['--collector-image=otel/collector:0.122.1'], 'docker.io/otel/collector:0.122.1', 'args[0]'],
    [['--sidecar-image-repository=reg.io/envoy', '--sidecar-image-tag=v1'], 'reg.io/envoy:v1', 'args[0]'],
  ])('%j', (args, reference, path) => {
    const found = discover(deployment({ args })).filter((located) => located.how === 'argument');
    expect(found).toMatchObject([{ reference, path: `spec.template.spec.containers[0].${path}` }]);
    expect(found[0]?.within).toBeUndefined();
  });

  test('shell scripts: assignments, defaults, flags and words with a registry', () => {
    const script = `set -e
# docker.io/commented/out:1
IMAGE="\${IMAGE:-quay.io/a/default:1}"
kubectl run x --image=org/flag:1.0 --restart=Never
crictl pull registry.example.com:5000/deep/x:2.1
curl https://example.com/a/b:1.0 http://svc:8080/x
helm install foo jetstack/cert-manager --version v1.17.2
name=image; image = value
echo foo.default.svc.cluster.local:9000/x`;
    expect(references(deployment({ command: ['sh', '-c', script] }))).toEqual([
      own,
      'quay.io/a/default:1',
      'docker.io/org/flag:1.0',
      'registry.example.com:5000/deep/x:2.1',
    ]);
  });

  test('base64 inside a script', () => {
    const blob = Buffer.from('image:\n  repository: localstack/localstack\n  tag: 4.3.0\n').toString('base64');
    const found = discover(deployment({ args: [`set -e\nVALUES_B64="${blob}"\necho "$VALUES_B64" | base64 -d`] }));
    expect(found[1]).toMatchObject({
      reference: 'docker.io/localstack/localstack:4.3.0',
      within: 'line 2 > base64 > yaml:image.repository',
      parts: [{ path: 'line 2 > base64 > yaml:image.repository' }, { path: 'line 2 > base64 > yaml:image.tag' }],
    });
  });

  test.each([0, 1, 2])('base64 as a word of its own, with %i equals signs after it', (padding) => {
    const text = `image: quay.io/org/x:1${'0'.repeat(2 - padding)}`;
    const blob = Buffer.from(text).toString('base64');
    expect(blob.match(/=*$/)?.[0]).toHaveLength(padding);
    expect(discover(configMap(`set -e\necho ${blob} | base64 -d\n${blob}\n`))).toHaveLength(2);
  });

  test('an ambiguous word of a script is only possible', () => {
    const found = discover(deployment({ command: ['sh', '-c', 'kubectl run x --image=busybox\necho org/name:1.2'] }));
    expect(found.map((located) => [located.written, located.confidence])).toEqual([
      ['reg.io/own:1', 'certain'],
      ['busybox', 'possible'],
      ['org/name:1.2', 'possible'],
    ]);
    expect(references(deployment({ args: ['--helper-image', 'busybox'] }))).toEqual([
      own,
      'docker.io/library/busybox:latest',
    ]);
  });

  test("an operator's base image without tag is not a reference", () => {
    expect(references(deployment({ args: ['--prometheus-default-base-image=quay.io/prometheus/prometheus'] }))).toEqual(
      [own],
    );
  });
});

describe('configuration', () => {
  test.each([
    [
      'TOML',
      '[[runners]]\n  [runners.kubernetes]\n    image = "alpine"\n    helper_image = "reg.io/helper:1"',
      ['reg.io/helper:1'],
    ],
    [
      'INI',
      '[kubernetes]\nworker_container_repository = apache/airflow\nworker_container_tag = 2.8.1',
      ['docker.io/apache/airflow:2.8.1'],
    ],
    [
      'JCasC',
      'jenkins:\n  clouds:\n  - kubernetes:\n      templates:\n      - containers:\n        - image: "jenkins/inbound-agent:3248-1"',
      ['docker.io/jenkins/inbound-agent:3248-1'],
    ],
    [
      'pod template',
      'apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - name: base\n      image: apache/airflow:2.8',
      ['docker.io/apache/airflow:2.8'],
    ],
    [
      'template text',
      'spec:\n  containers:\n  {{- range .X }}\n  - image: busybox:1.28\n  - image: "{{ .Image }}"\n  {{- end }}',
      ['docker.io/library/busybox:1.28'],
    ],
    ['JSON', '{"a": [{"image": "org/x:1"}]}', ['docker.io/org/x:1']],
    ['list of lines', 'docker.io/org/a:1.0\nquay.io/b/c:2\n', ['docker.io/org/a:1.0', 'quay.io/b/c:2']],
  ])('%s', (_, text, expected) => {
    expect(references(configMap(text))).toEqual(expected);
  });

  test('a key of the ConfigMap may name an image', () => {
    expect(references(configMap('migrations/capture_proxy:latest', 'captureProxyImage'))).toEqual([
      'docker.io/migrations/capture_proxy:latest',
    ]);
    expect(references(configMap(`gcr.io/knative/queue@sha256:${'c'.repeat(64)}`, 'queue-sidecar-image'))).toHaveLength(
      1,
    );
    expect(references(configMap('queue-sidecar-image: "gcr.io/knative/queue:1"', '_example'))).toEqual([]);
  });

  test('a flag in one section does not affect the others', () => {
    const found = discover(configMap('[a]\nenabled = false\n[b]\nimage = "org/x:1"'));
    expect(found).toMatchObject([{ within: 'line 4', need: 'operand' }]);
    const yaml = discover(configMap('a: {enabled: false, image: "org/a:1"}\nb:\n  image: org/b:1'));
    expect(yaml.map((located) => located.need)).toEqual(['optional', 'operand']);
  });

  test('examples next to the configuration are not read', () => {
    expect(references(configMap('{"image": "org/x:1"}', 'templates.json.example'))).toEqual([]);
  });

  test('Secrets are decoded', () => {
    const data = {
      'values.yaml': Buffer.from('hub:\n  image: {name: quay.io/j/hub, tag: "4.0"}\n').toString('base64'),
    };
    const secret = JSON.stringify({ apiVersion: 'v1', kind: 'Secret', data, stringData: { X_IMAGE: 'org/x:1' } });
    expect(discover(secret)).toMatchObject([
      { reference: 'quay.io/j/hub:4.0', path: 'data["values.yaml"]', within: 'base64 > yaml:hub.image.name' },
      { reference: 'docker.io/org/x:1', path: 'stringData.X_IMAGE' },
    ]);
  });

  test.each([
    [
      'alert rules',
      'groups:\n- rules:\n  - record: apiserver_request:burnrate5m\n    expr: sum(x{image!="", container!=""}) by (image)',
    ],
    ['relabelling', 'rename:\n  image: container_image\n  container.image.tag: image_tag'],
    ['nginx types', 'types {\n  image/png png;\n  image/svg+xml svg;\n}\nproxy_pass http://backend:8080/v1:2;'],
    ['dashboard', '{"panels": [{"type": "text", "url": "https://grafana.com/a:1", "legend": "{{image}}"}]}'],
    ['python', 'image = get_config("singleuser.image.name")\nc.KubeSpawner.image = image\nimage = f"{image}:{tag}"'],
    [
      'a whole CRD',
      'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec:\n  example: {image: "quay.io/a/b:1"}',
    ],
    [
      'placeholders',
      '- <registry>/org/x:1.0 quay.io/org/x:<tag>\n{{ .Hub }}/org/x:1.0 quay.io/{{ .Org }}/x:1.0 quay.io/x/y:v{{ .V }}\n$(REG)/org/x:1.0 $REG/org/x:1.0',
    ],
    ['jobs', 'schedule: "*/5 * * * *"\nsocket: /var/run/docker.sock:ro\nmime: application/json'],
  ])('look-alikes in %s', (_, text) => {
    expect(references(configMap(text))).toEqual([]);
  });
});

test('annotations, of objects and of pod templates', () => {
  const annotations = {
    'sidecar.istio.io/proxyImage': 'docker.io/istio/proxyv2:1.24',
    'config.linkerd.io/debug-image': 'cr.l5d.io/linkerd/debug',
    'config.linkerd.io/debug-image-version': 'edge-24.1',
    'checksum/config': 'f'.repeat(64),
    'alb.ingress.kubernetes.io/scheme': 'internal',
  };
  const template = { metadata: { annotations }, spec: { containers: [] } };
  const found = discover(
    JSON.stringify({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { annotations }, spec: { template } }),
  );
  expect(new Set(found.map((located) => located.how))).toEqual(new Set(['annotation']));
  expect(found.map((located) => [located.path, located.reference])).toEqual([
    ['metadata.annotations["config.linkerd.io/debug-image"]', 'cr.l5d.io/linkerd/debug:edge-24.1'],
    ['metadata.annotations["sidecar.istio.io/proxyImage"]', 'docker.io/istio/proxyv2:1.24'],
    ['spec.template.metadata.annotations["config.linkerd.io/debug-image"]', 'cr.l5d.io/linkerd/debug:edge-24.1'],
    ['spec.template.metadata.annotations["sidecar.istio.io/proxyImage"]', 'docker.io/istio/proxyv2:1.24'],
  ]);
});

test('defaults of a CUE template', () => {
  const template = 'parameter: {\n\timage: *"org/tool:v1.6.4" | string\n\tbuilder: *"org/builder:v1.9.1" | string\n}\n';
  expect(references(custom({ schematic: { cue: { template } } }))).toEqual([
    'docker.io/org/tool:v1.6.4',
    'docker.io/org/builder:v1.9.1',
  ]);
  expect(references(custom({ template: 'policy: *"Always" | string\nimage: *"$(name)" | string\n' }))).toEqual([]);
});
