import { describe, expect, test } from 'vitest';
import { custom, discover, references } from '../../support/discovery/references.ts';

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

describe('whole references under image-like fields', () => {
  test.each([
    [{ image: 'quay.io/ceph/ceph:v20' }, 'quay.io/ceph/ceph:v20'],
    [{ imageName: 'ghcr.io/cloudnative-pg/postgresql:16' }, 'ghcr.io/cloudnative-pg/postgresql:16'],
    [{ docker_image: 'spilo/spilo-17:4.0' }, 'docker.io/spilo/spilo-17:4.0'],
    [{ images: [{ major: 16, image: 'ghcr.io/pg/pg:16' }] }, 'ghcr.io/pg/pg:16'],
    [{ images: { proxy: 'org/proxy:1.2' } }, 'docker.io/org/proxy:1.2'],
    [{ sidecarImages: ['busybox'] }, 'docker.io/library/busybox:latest'],
    [{ image: { reference: 'org/x:1' } }, 'docker.io/org/x:1'],
    [{ template: { container: { image: 'alpine' } } }, 'docker.io/library/alpine:latest'],
    [{ package: 'xpkg.upbound.io/upbound/provider-aws:v1.2.0' }, 'xpkg.upbound.io/upbound/provider-aws:v1.2.0'],
    [
      { source: { registry: { url: 'docker://quay.io/containerdisks/fedora:40' } } },
      'quay.io/containerdisks/fedora:40',
    ],
    [{ image: `repo.corp:5000/x@${digest}` }, `repo.corp:5000/x@${digest}`],
    [{ env: [{ name: 'RELATED_IMAGE_AGENT', value: 'org/agent:1' }] }, 'docker.io/org/agent:1'],
    [{ image: 'quay.io/prometheus/prometheus:v3.3.1', version: 'v3.3.1' }, 'quay.io/prometheus/prometheus:v3.3.1'],
    [{ baseImage: 'quay.io/thanos/thanos:v0.38.0' }, 'quay.io/thanos/thanos:v0.38.0'],
  ])('%j', (spec, reference) => {
    expect(references(custom(spec))).toEqual([reference]);
  });
});

describe('references split over sibling fields', () => {
  test.each([
    [{ image: { repository: 'nginx', tag: '1.27' } }, 'docker.io/library/nginx:1.27'],
    [{ image: { repository: 'org/x', tag: 1.5 } }, 'docker.io/org/x:1.5'],
    [{ image: { registry: 'quay.io', repository: 'org/x', tag: 'v1' } }, 'quay.io/org/x:v1'],
    [{ image: { registry: 'quay.io', repository: 'ghcr.io/org/x', tag: 'v1' } }, 'ghcr.io/org/x:v1'],
    [{ image: { name: 'quay.io/jupyterhub/k8s-hub', tag: '4.0' } }, 'quay.io/jupyterhub/k8s-hub:4.0'],
    [{ image: { repository: 'org/x', tag: '1', digest } }, `docker.io/org/x:1@${digest}`],
    [{ baseImage: 'quay.io/org/x', sha: digest.slice(7) }, `quay.io/org/x@${digest}`],
    [{ repository: 'nvcr.io/nvidia', image: 'driver', version: '595.91' }, 'nvcr.io/nvidia/driver:595.91'],
    [{ repository: 'nvcr.io/nvidia', image: 'driver', version: digest }, `nvcr.io/nvidia/driver@${digest}`],
    [{ registry: 'quay.io', image: 'org/x:1' }, 'docker.io/org/x:1'],
    [{ image: 'org/x', tag: 'v2' }, 'docker.io/org/x:v2'],
    [{ baseImage: 'prom/prometheus', version: 'v2.1' }, 'docker.io/prom/prometheus:v2.1'],
    [{ proxyImage: 'org/proxy', proxyVersion: '1.2' }, 'docker.io/org/proxy:1.2'],
    [{ sidecarImageRepository: 'org/sc', sidecarImageTag: '3' }, 'docker.io/org/sc:3'],
    [{ hub: 'docker.io/istio', tag: '1.24', proxy: { image: 'proxyv2' } }, 'docker.io/istio/proxyv2:1.24'],
    [{ image: 'pilot', global: { hub: 'reg.io/istio', tag: '1.24' } }, 'reg.io/istio/pilot:1.24'],
  ])('%j', (spec, reference) => {
    expect(references(custom(spec))).toEqual([reference]);
  });

  test('names the parts with their fields', () => {
    expect(
      discover(custom({ driver: { repository: 'nvcr.io/nvidia', image: 'driver', version: '1.0' } })),
    ).toMatchObject([
      {
        how: 'custom-resource',
        path: 'spec.driver.image',
        written: 'nvcr.io/nvidia/driver:1.0',
        parts: [
          { role: 'repository', path: 'spec.driver.repository', text: 'nvcr.io/nvidia' },
          { role: 'image', path: 'spec.driver.image', text: 'driver' },
          { role: 'tag', path: 'spec.driver.version', text: '1.0' },
        ],
      },
    ]);
  });

  test.each([
    [{ repository: 'nvcr.io/nvidia', image: 'driver' }],
    [{ repository: '', image: 'driver', version: '' }],
    [{ image: { repository: 'org/x', tag: '' } }],
    [{ image: { repository: 'quay.io/org/x' } }],
    [{ baseImage: 'quay.io/prometheus/prometheus' }],
    [{ repository: 'https://github.com/org/x', tag: 'v1' }],
    [{ repository: 'charts/app', version: '1.2.3' }],
    [{ registry: 'quay.io' }],
  ])('an incomplete split is not a reference: %j', (spec) => {
    expect(references(custom(spec))).toEqual([]);
  });
});

test('images of disabled components are optional', () => {
  const found = discover(custom({ a: { enabled: false, image: 'org/a:1' }, b: { enabled: true, image: 'org/b:1' } }));
  expect(found.map(({ written, need }) => [written, need])).toEqual([
    ['org/a:1', 'optional'],
    ['org/b:1', 'install'],
  ]);
});

test.each([
  [{ imagePullPolicy: 'always', imagePullSecrets: [{ name: 'regcred' }], imageTag: 'v1' }],
  [{ osImage: 'ubuntu', machineImage: 'flatcar', sourceImage: 'projects/debian-cloud/global/images/debian-11' }],
  [{ image: 'ami-0123456789abcdef0' }],
  [{ image: 'logo.png', icon: 'image/png' }],
  [{ image: 'image/svg+xml' }],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell's placeholder is meant.
  [{ image: '${IMAGE}:${TAG}', other: { image: '{{ .Values.image }}' }, third: { image: '<image_name>:<tag>' } }],
  [{ imageReferences: ['ghcr.io/org/*', '*:latest'] }],
  [{ group: 'apps.example.com/v1', kind: 'Foo', label: { matchLabels: { image: 'foo' } } }],
  [{ serviceAccount: 'system:serviceaccount:ns/name' }],
])('nothing is pulled by %j', (spec) => {
  expect(references(custom(spec))).toEqual([]);
});
