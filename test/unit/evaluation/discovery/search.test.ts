import { expect, test } from 'vitest';
import { grepImages } from '../../../../evaluation/discovery/search.ts';

const references = (text: string): string[] => grepImages(text).map(({ reference }) => reference);

test.each([
  ['      image: nginx', 'docker.io/library/nginx:latest'],
  ['    - image: quay.io/a/b:1', 'quay.io/a/b:1'],
  ['image: "quay.io/a/b:1"', 'quay.io/a/b:1'],
  ["image: 'quay.io/a/b:1'  # pinned", 'quay.io/a/b:1'],
  ['  image:   ghcr.io/a/b:1\r', 'ghcr.io/a/b:1'],
])('takes %j', (line, reference) => expect(references(line)).toEqual([reference]));

test.each([
  ['      image:'],
  ['      image: ""'],
  ['  - --config-image: quay.io/a/b:1'],
  ['  imagePullPolicy: Always'],
  ['  value: quay.io/a/b:1'],
])('does not see %j', (line) => expect(references(line)).toEqual([]));

test('reports values that are no references unchanged', () => {
  expect(references('  image: <image>:<tag>')).toEqual(['<image>:<tag>']);
});

test('reports each reference once, with all its spellings and lines', () => {
  const [found, ...others] = grepImages(
    'image: nginx\nkind: Pod\nimage: docker.io/library/nginx:latest\nimage: nginx\n',
  );
  expect(others).toEqual([]);
  expect(found).toMatchObject({
    written: ['nginx', 'docker.io/library/nginx:latest'],
    locations: ['line 1', 'line 4', 'line 3'],
  });
});
