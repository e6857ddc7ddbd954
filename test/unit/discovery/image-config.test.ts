import { describe, expect, test } from 'vitest';
import { imageConfigReferences } from '../../../src/discovery/image-config.ts';

const operatorImage = 'quay.io/acme/operator:2.0';
const context = { chart: 'acme', profile: 'default' };
const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

function referencesOf(config: object, image = operatorImage) {
  return imageConfigReferences({ os: 'linux', config }, image, context);
}

const referenceNames = (config: object): string[] => referencesOf(config).map(({ reference }) => reference);

describe('environment variables of an image', () => {
  test.each([
    ['RELATED_IMAGE_AGENT=quay.io/acme/agent:2.0', 'quay.io/acme/agent:2.0'],
    [`RELATED_IMAGE_BASE=quay.io/acme/base@${digest}`, `quay.io/acme/base@${digest}`],
    ['OPERAND_IMAGE=quay.io/acme/operand', 'quay.io/acme/operand:latest'],
    ['DEFAULT_SIDECAR_IMAGE=busybox:1.36', 'docker.io/library/busybox:1.36'],
    ['IMAGE=acme/agent:2.0', 'docker.io/acme/agent:2.0'],
    ['SIDECAR=registry.example:5000/acme/sidecar:v1', 'registry.example:5000/acme/sidecar:v1'],
    ['SIDECARS=a=quay.io/acme/a:1,b=quay.io/acme/b:2', 'quay.io/acme/a:1', 'quay.io/acme/b:2'],
    ['VERSIONS=1.0=quay.io/acme/db:1.0\n2.0=quay.io/acme/db:2.0', 'quay.io/acme/db:1.0', 'quay.io/acme/db:2.0'],
    ['DEFAULTS={"proxy":{"image":"quay.io/acme/proxy:3"}}', 'quay.io/acme/proxy:3'],
    ['IMAGE=quay.io/acme/operator:2.0', operatorImage],
  ])('%j', (variable, ...references) => {
    expect(referenceNames({ Env: ['PATH=/usr/bin', variable] })).toEqual(references);
  });

  test('that contain a split reference', () => {
    const Env = ['OPERAND_REPOSITORY=quay.io/acme/operand', 'OPERAND_TAG=v3'];
    const [located] = referencesOf({ Env });
    expect(located?.reference).toBe('quay.io/acme/operand:v3');
    expect(located?.parts?.map(({ path }) => path)).toEqual([
      'config.Env["OPERAND_REPOSITORY"]',
      'config.Env["OPERAND_TAG"]',
    ]);
    expect(located?.redirect).toBeUndefined();
  });

  test.each([
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/bin',
    'LD_LIBRARY_PATH=lib/nvidia:lib64/nvidia',
    'PYTHON_VERSION=3.12.4',
    'JAVA_VERSION=jdk-17.0.2+8',
    'GPG_KEY=7169605F62C751356D054A26A821E680E5FA6305',
    'DOWNLOAD_URL=https://download.example.com/releases/x:1.2/file.tgz',
    'OTEL_EXPORTER_OTLP_ENDPOINT=collector.example.com:4317',
    'NVIDIA_REQUIRE_CUDA=cuda>=12.4 brand=tesla,driver>=470,driver<471',
    'PACKAGE=acme/tool:1.2.3',
    'GO_MODULE=github.com/acme/tool:v1.2.3',
    'BASE_IMAGE=docker.io/library/alpine:3.20',
    'BUILDER_IMAGE=docker.io/library/golang:1.24',
    'DESCRIPTION=Run it with docker run quay.io/acme/operator:1.0 and see',
    'IMAGE_REVISION=0',
    'IMAGE_NAME=operator',
    'IMAGE=quay.io/acme/operator',
    'RELATED_IMAGE_EMPTY=',
    'no assignment at all',
  ])('do not name an image when they are %j', (variable) => {
    expect(referenceNames({ Env: [variable] })).toEqual([]);
  });

  test('that contain the own name and version of the image are not a default', () => {
    expect(referenceNames({ Env: ['IMAGE_NAME=operator', 'IMAGE_VERSION=2.0'] })).toEqual([]);
  });
});

describe('labels of an image', () => {
  test.each([
    ['com.acme.operand-image', 'quay.io/acme/operand:3', 'quay.io/acme/operand:3'],
    ['alm-examples', '[{"kind":"Cache","spec":{"image":"quay.io/acme/cache:7"}}]', 'quay.io/acme/cache:7'],
    [
      'alm-examples',
      '[{"spec":{"template":{"spec":{"containers":[{"name":"a","image":"acme/pod:1"}]}}}}]',
      'docker.io/acme/pod:1',
    ],
  ])('%s=%j', (key, value, reference) => {
    expect(referenceNames({ Labels: { [key]: value } })).toEqual([reference]);
  });

  test.each([
    ['org.opencontainers.image.base.name', 'docker.io/library/alpine:3.20'],
    ['org.opencontainers.image.ref.name', 'docker.io/library/ubuntu:24.04'],
    ['org.opencontainers.image.source', 'https://github.com/acme/operator'],
    ['org.opencontainers.image.title', 'acme/operator:2.0'],
    ['org.opencontainers.image.version', '2.0'],
    ['org.label-schema.docker.cmd', 'docker run -d quay.io/acme/operator:2.0'],
    ['io.buildpacks.lifecycle.metadata', '{"stack":{"runImage":{"image":"docker.io/paketo/run:base-1.2"}}}'],
    ['com.acme.metadata', '{"baseImage":"docker.io/library/alpine:3.20"}'],
    ['com.acme.base.image', 'docker.io/library/alpine:3.20'],
    ['io.openshift.s2i.build.image', 'registry.example/ubi9/nodejs-20:1'],
    ['maintainer', 'Acme <ops@acme.example>'],
    ['vcs-url', 'git@git.acme.example:acme/operator:1.2'],
    ['url', 'registry.acme.example/acme/operator:2.0'],
    ['usage', 'podman run registry.acme.example/acme/operator:2.0'],
    ['name', 'quay.io/acme/operator:2.0'],
    ['com.acme.image', 'acme/operator'],
  ])('do not name an image as %s=%j', (key, value) => {
    expect(referenceNames({ Labels: { [key]: value } })).toEqual([]);
  });
});

test('a location has the image, the path in its config, and the variable that redirects the image', () => {
  const Env = ['RELATED_IMAGE_AGENT=quay.io/acme/agent:2.0'];
  expect(imageConfigReferences({ config: { Env } }, operatorImage, { ...context, via: ['platform'] })).toEqual([
    {
      chart: 'acme',
      profile: 'default',
      via: ['platform'],
      template: '',
      document: 0,
      kind: 'Image',
      name: operatorImage,
      path: 'config.Env["RELATED_IMAGE_AGENT"]',
      how: 'image-config',
      written: 'quay.io/acme/agent:2.0',
      redirect: { kind: 'env', name: 'RELATED_IMAGE_AGENT' },
      reference: 'quay.io/acme/agent:2.0',
      confidence: 'likely',
      need: 'operand',
    },
  ]);
});

test('a typed field in an example is never certain', () => {
  const example = '[{"spec":{"containers":[{"image":"quay.io/acme/pod:1"}]}}]';
  const [located] = referencesOf({ Labels: { 'alm-examples': example } });
  expect(located).toMatchObject({ confidence: 'likely', path: 'config.Labels["alm-examples"]' });
  expect(located?.redirect).toBeUndefined();
});

test.each([undefined, null, 'text', [], {}, { config: null }, { config: { Env: 'PATH=/', Labels: ['a'] } }])(
  'a config that is %j names nothing',
  (config) => {
    expect(imageConfigReferences(config, operatorImage, context)).toEqual([]);
  },
);
