import { expect, test } from 'vitest';
import { manifestSource } from '../../../src/manifests/source.ts';

test.each([
  ['kustomize', 'overlays/prod/', '/repo/overlays/prod', 'kustomize overlays/prod'],
  ['kustomize', '.', '/repo', 'kustomize repo'],
  ['kustomize', '../other/prod', '/other/prod', 'kustomize prod'],
  ['manifests', '/srv/deploy/app.yaml', '/srv/deploy/app.yaml', 'manifests app.yaml'],
  ['manifests', '..data', '/repo/..data', 'manifests ..data'],
  ['manifests', '-', '-', 'manifests -'],
  ['kustomize', '-', '/repo/-', 'kustomize -'],
] as const)('%s %s', (kind, path, absolute, name) => {
  expect(manifestSource(kind, path, '/repo')).toEqual({ kind, path: absolute, name });
});

test('a name has no control characters', () => {
  expect(manifestSource('manifests', 'a\nb\u001b[2J', '/repo').name).not.toMatch(/\p{Cc}/u);
});
