import { expect, test } from 'vitest';
import { buildOutputs } from '../../../src/openshift/build-outputs.ts';
import type { ExportedObject } from '../../../src/openshift/exported-objects.ts';

const REGISTRY = 'registry.svc:5000';
const object = (kind: string, name: string, to: unknown): ExportedObject => ({
  ...{ kind, group: 'build.openshift.io', namespace: 'shop', name, object: { spec: { output: { to } } } },
  origin: { source: 'image-streams export', file: `${name}.yaml`, document: 0 },
});

test('builds write image stream tags and names in the internal registry', () => {
  const outputs = buildOutputs(
    [
      object('Build', 'web-1', { kind: 'ImageStreamTag', name: 'web:1' }),
      object('BuildConfig', 'web', { kind: 'ImageStreamTag', name: 'web:1' }),
      object('BuildConfig', 'other', { kind: 'ImageStreamTag', name: 'web', namespace: 'images' }),
      object('BuildConfig', 'docker', { kind: 'DockerImage', name: `${REGISTRY}/shop/api:2` }),
      object('BuildConfig', 'outside', { kind: 'DockerImage', name: 'quay.io/shop/api:2' }),
      object('BuildConfig', 'none', undefined),
      object('BuildConfig', 'hostile', { kind: 'ImageStreamTag', name: 'x:1', namespace: '../x' }),
    ],
    (registry) => registry === REGISTRY,
  );
  expect([...outputs].map(([tag, { builder, where }]) => [tag, builder, where])).toEqual([
    ['shop/web:1', 'BuildConfig shop/web', 'export/web.yaml, document 1'],
    ['images/web:latest', 'BuildConfig shop/other', 'export/other.yaml, document 1'],
    ['shop/api:2', 'BuildConfig shop/docker', 'export/docker.yaml, document 1'],
  ]);
});
