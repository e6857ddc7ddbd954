import { expect, test } from 'vitest';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import type { Answer } from '../../../src/serve/answer.ts';
import { compareTags, pageAnswer, pageOf, referrersAnswer } from '../../../src/serve/lists.ts';

const tags = ['1', 'a', 'B', 'b', 'c'];

function page(query: string): { readonly tags: unknown; readonly link: string | undefined; readonly status: number } {
  const { body, headers, status } = pageAnswer(
    pageOf(tags, new URLSearchParams(query), compareTags),
    '/list',
    (tags) => ({
      tags,
    }),
  );
  return { tags: parse({ body }).tags, link: headers.Link, status };
}

function parse({ body }: Pick<Answer, 'body'>): Record<string, unknown> {
  return JSON.parse(Buffer.from(body as Uint8Array).toString());
}

test('tags are ordered without case', () => {
  expect(['c', 'b', 'B', 'a', '1'].sort(compareTags)).toEqual(tags);
});

test.each([
  ['', tags, undefined],
  ['n=2', ['1', 'a'], '</list?n=2&last=a>; rel="next"'],
  ['n=2&last=a', ['B', 'b'], '</list?n=2&last=b>; rel="next"'],
  ['n=2&last=b', ['c'], undefined],
  ['n=5', tags, undefined],
  ['n=0', [], undefined],
  ['last=bb', ['c'], undefined],
  ['last=z', [], undefined],
])('the page of %j', (query, entries, link) => {
  expect(page(query)).toEqual({ tags: entries, link, status: 200 });
});

test.each(['n=x', 'n=-1', 'n=1.5', 'n='])('%s is no number of entries', (query) => {
  expect(page(query)).toMatchObject({ tags: undefined, status: 400 });
});

test('referrers are filtered by artifact type, also if its plus sign is not escaped', () => {
  const entry = (artifactType: string, fill: string): Descriptor => ({
    mediaType: 'm',
    digest: `sha256:${fill.repeat(64)}`,
    size: 1,
    artifactType,
  });
  const [sbom, other] = [entry('application/spdx+json', 'a'), entry('text/plain', 'b')];
  const all = referrersAnswer([sbom, other], new URLSearchParams());
  expect(parse(all)).toMatchObject({ schemaVersion: 2, manifests: [sbom, other] });
  expect(all.headers['OCI-Filters-Applied']).toBeUndefined();
  for (const query of ['artifactType=application/spdx%2Bjson', 'artifactType=application/spdx+json']) {
    const filtered = referrersAnswer([sbom, other], new URLSearchParams(query));
    expect(parse(filtered).manifests).toEqual([sbom]);
    expect(filtered.headers['OCI-Filters-Applied']).toBe('artifactType');
  }
});
