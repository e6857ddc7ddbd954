import { expect, it } from 'vitest';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import type { Bundle } from '../../../../src/bundle/reading/bundle.ts';
import { parseTarget } from '../../../../src/naming/naming.ts';
import { parseReference } from '../../../../src/oci/reference.ts';
import { checkNameCollisions } from '../../../../src/workflows/values/name-collisions.ts';

function warnings(naming: string, ...references: string[]): string[] {
  const events: AirgapEvent[] = [];
  checkNameCollisions(parseTarget('r.example/m', naming), references, (event) => events.push(event));
  return events.map((event) => (event.type === 'warning' ? event.message : event.type));
}

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;

it('warns about references that get the same private name', () => {
  const references = ['quay.io/a/x:1', 'ghcr.io/b/x:1', 'ghcr.io/b/x:2'];
  const found = warnings('name', ...references);
  expect(found).toHaveLength(1);
  for (const fact of ['--naming name', 'r.example/m/x:1', 'quay.io/a/x:1, ghcr.io/b/x:1'])
    expect(found[0]).toContain(fact);
  expect(warnings('host-path', ...references)).toEqual([]);
});

it('does not warn about references with different digests', () => {
  expect(warnings('name', `quay.io/a/x:1@${digest('a')}`, `ghcr.io/b/x:1@${digest('b')}`)).toEqual([]);
});

it('ignores references that are already private', () => {
  expect(warnings('name', 'quay.io/a/x:1', 'r.example/m/x:1')).toEqual([]);
});

it('accepts equal content in the bundle, and refuses different content with all names', () => {
  const references = ['quay.io/a/x:1', 'ghcr.io/b/x:1'];
  const bundle = (...digests: string[]): Bundle => {
    const images = digests.map((value, i) => ({
      reference: parseReference(references[i] ?? ''),
      descriptor: { digest: value },
    }));
    return { images: () => images } as unknown as Bundle;
  };
  const events: AirgapEvent[] = [];
  const check = (...digests: string[]): void =>
    checkNameCollisions(
      parseTarget('r.example/m', 'name'),
      references,
      (event) => events.push(event),
      bundle(...digests),
    );
  check(digest('a'), digest('a'));
  expect(events).toEqual([]);
  check(digest('a'));
  expect(events).toHaveLength(1);
  expect(() => check(digest('a'), digest('b'))).toThrow(
    expect.objectContaining({
      code: 'collision',
      message: expect.stringMatching(/r.example\/m\/x:1.*quay.io\/a\/x:1, ghcr.io\/b\/x:1/),
    }),
  );
});
