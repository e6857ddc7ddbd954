import { expect, it } from 'vitest';
import published from '../../../src/ecr/public-equivalents.json' with { type: 'json' };
import { publicEcrEquivalent } from '../../../src/ecr/public-equivalents.ts';
import { formatRepository, parseReference } from '../../../src/oci/reference.ts';

it.each([
  ['nginx', 'public.ecr.aws/docker/library/nginx'],
  ['docker.io/library/postgres:16', 'public.ecr.aws/docker/library/postgres'],
  ['ghcr.io/aquasecurity/trivy:0.60.0', 'public.ecr.aws/aquasecurity/trivy'],
  ['grafana/grafana', undefined],
  ['docker.io/library/deep/nginx', undefined],
  ['docker.io/hashicorp/consul-other', undefined],
  ['quay.example/library/nginx', undefined],
  ['public.ecr.aws/docker/library/nginx', undefined],
])('the equivalent of %s is %s', (name, expected) => {
  const found = publicEcrEquivalent(parseReference(name));
  expect(found && formatRepository(found)).toBe(expected);
});

it('each entry names its source, and covers as much on both sides', () => {
  for (const { from, to, source } of published) {
    expect(new URL(source).protocol).toBe('https:');
    expect(from.endsWith('/*')).toBe(to.endsWith('/*'));
    expect(parseReference(from.replace('*', 'x'))).toMatchObject({ registry: from.split('/')[0] });
  }
  expect(new Set(published.map(({ from }) => from)).size).toBe(published.length);
});
