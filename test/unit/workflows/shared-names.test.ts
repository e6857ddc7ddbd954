import { expect, it } from 'vitest';
import type { AirgapEvent } from '../../../src/base/events.ts';
import type { Bundle } from '../../../src/bundle/read.ts';
import { parseTarget } from '../../../src/oci/naming.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { checkSharedNames } from '../../../src/workflows/overriding/shared-names.ts';

function warnings(naming: string, ...references: string[]): string[] {
  const events: AirgapEvent[] = [];
  checkSharedNames(parseTarget('r.example/m', naming), references, (event) => events.push(event));
  return events.map((event) => (event.type === 'warning' ? event.message : event.type));
}

const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;

it('references that get one private name are warned of', () => {
  const both = ['quay.io/a/x:1', 'ghcr.io/b/x:1', 'ghcr.io/b/x:2'];
  expect(warnings('name', ...both)).toEqual([
    '--naming name gives one name, r.example/m/x:1, to quay.io/a/x:1, ghcr.io/b/x:1; push refuses that, unless they are the same',
  ]);
  expect(warnings('host-path', ...both)).toEqual([]);
});

it('digests keep references apart', () => {
  expect(warnings('name', `quay.io/a/x:1@${digest('a')}`, `ghcr.io/b/x:1@${digest('b')}`)).toEqual([]);
});

it('what is private already is no matter', () => {
  expect(warnings('name', 'quay.io/a/x:1', 'r.example/m/x:1')).toEqual([]);
});

it('what a bundle has with the same content is one image, and with other content an error that names all', () => {
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
    checkSharedNames(parseTarget('r.example/m', 'name'), references, (event) => events.push(event), bundle(...digests));
  check(digest('a'), digest('a'));
  expect(events).toEqual([]);
  check(digest('a'));
  expect(events).toHaveLength(1);
  expect(() => check(digest('a'), digest('b'))).toThrow(
    /r.example\/m\/x:1, to different images: quay.io\/a\/x:1, ghcr.io\/b\/x:1/,
  );
});
