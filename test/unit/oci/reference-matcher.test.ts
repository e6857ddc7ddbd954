import { expect, test } from 'vitest';
import { referenceMatcher } from '../../../src/oci/reference-matcher.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

test.each([
  ['nginx', 'docker.io/library/nginx:1.27', true],
  ['nginx:1.27', `docker.io/library/nginx:1.27@${DIGEST}`, true],
  ['nginx:1.27', 'docker.io/library/nginx:1.28', false],
  ['nginx*', 'docker.io/library/nginx-extra:1', true],
  ['*/team/scratch', 'registry.example:5000/team/scratch:1', true],
  ['*/team/scratch', `registry.example:5000/team/scratch:1@${DIGEST}`, true],
  ['*/team/scratch', `registry.example/team/scratch@${DIGEST}`, true],
  ['*/team/scratch', 'registry.example/team/scratch', true],
  ['*/team/scratch', 'registry.example/team/scratch-2:1', false],
  ['*/team/scratch:1', 'registry.example/team/scratch:1', true],
  ['*/team/scratch:1', 'registry.example/team/scratch:12', false],
  ['registry.example*', 'registry.example:5000/team/app:1', true],
  ['*', 'registry.example/team/app:1', true],
])('%s matches %s: %s', (pattern, reference, matches) => {
  expect(referenceMatcher(pattern)(reference)).toBe(matches);
});
