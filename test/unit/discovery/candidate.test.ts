import { describe, expect, test } from 'vitest';
import { acceptedReference, assess, type Rejection } from '../../../src/discovery/candidate.ts';
import type { Evidence } from '../../../src/discovery/key-evidence.ts';
import fc from '../../support/property.ts';

const EVIDENCE: readonly Evidence[] = ['typed', 'key', 'context', 'none'];

describe('a rejection has the reason', () => {
  test.each<[string, Evidence, Rejection]>([
    ['two words', 'typed', 'shape'],
    [`a/${'b'.repeat(400)}:1`, 'typed', 'shape'],
    ['https://quay.io/org/x', 'key', 'grammar'],
    ['org/Name:1.0', 'key', 'grammar'],
    ['auto', 'typed', 'placeholder'],
    ['Org/name:1.0', 'key', 'capital-host'],
    ['nginx', 'context', 'untagged'],
    ['quay.io/org/x', 'none', 'untagged'],
    ['app/logo.png', 'key', 'file'],
    ['ami-0abc12', 'key', 'machine-image'],
    ['projects/x/global/images', 'key', 'machine-image'],
    ['image/png', 'key', 'media-type'],
    ['my_name', 'key', 'identifier'],
    ['v1', 'key', 'identifier'],
    ['github.com/org/x', 'key', 'source-host'],
    ['github.com/org/x:v1.0', 'none', 'source-host'],
    ['repo.argocd.svc:8081/health:1', 'key', 'service-host'],
    ['web.default.svc/health', 'key', 'service-host'],
    ['redis:6379', 'none', 'port'],
    ['quay.io/org/x:8080', 'none', 'port'],
    ['quay.io/org/x:ro', 'none', 'odd-tag'],
    ['org/x:1', 'none', 'unversioned'],
    ['nginx:1.27', 'none', 'one-word'],
    ['nginx:prod', 'context', 'one-word'],
  ])('%s as %s: %s', (text, evidence, rejection) => {
    expect(assess(text, evidence)).toBe(rejection);
    expect(acceptedReference(text, evidence)).toBeUndefined();
  });
});

test('stronger evidence accepts the same text', () => {
  const reference = 'docker.io/library/nginx:1.27';
  expect(assess('nginx:1.27', 'typed')).toEqual({ reference, confidence: 'certain' });
  expect(assess('nginx:1.27', 'context')).toEqual({ reference, confidence: 'likely' });
  expect(assess('docker://nginx:1.27', 'key')).toEqual({ reference, confidence: 'likely' });
});

test('only a field for OCI artifacts accepts the scheme of OCI', () => {
  const accepted = { reference: 'quay.io/a/b:1', confidence: 'certain' };
  for (const scheme of ['', 'oci://', 'oci+native://'])
    expect(assess(`${scheme}quay.io/a/b:1`, 'artifact')).toEqual(accepted);
  for (const evidence of ['typed', 'key', 'context', 'none'] as const)
    expect(assess('oci://quay.io/a/b:1', evidence)).toBe('grammar');
  for (const text of ['s3://quay.io/a/b:1', 'oci+://quay.io/a', 'oci://', 'oci://oci://quay.io/a'])
    expect(assess(text, 'artifact')).toMatch(/^(?:grammar|shape)$/);
});

test('pod specs accept every text that weaker evidence accepts', () => {
  const part = fc.constantFrom('a', 'B', 'nginx', 'quay.io', 'localhost', 'x.svc', '1.0', '8080', 'latest', 'img.png');
  const text = fc.array(fc.tuple(part, fc.constantFrom('/', ':', '@', '-', '')), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(text, fc.constantFrom(...EVIDENCE), (parts, evidence) => {
      const written = parts.flat().join('');
      const weaker = acceptedReference(written, evidence)?.reference;
      if (weaker !== undefined) expect(acceptedReference(written, 'typed')?.reference).toBe(weaker);
    }),
  );
});
