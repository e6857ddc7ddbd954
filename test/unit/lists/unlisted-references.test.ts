import { expect, it } from 'vitest';
import { type ListContent, readList } from '../../../src/lists/index.ts';

function readText(text: string): ListContent {
  return readList(Buffer.from(text), { file: 'list' });
}

it('names what is in no list', () => {
  const { images, notTaken } = readText(
    [
      'IMAGES=(quay.io/a/a:1)',
      'for image in quay.io/a/loop:1 \\',
      '  quay.io/a/b:2; do docker pull "$image"; done',
      'docker tag quay.io/a/a:1 docker://localhost:5000/own/a@sha256:'.concat('0'.repeat(64)),
      'cat <<EOF',
      'image: quay.io/a/text:1',
      'EOF',
      'WEB_IMAGE="quay.io/a/web:1" # quay.io/a/comment:1',
      'curl https://example.com/a:1 ./conf.d/a:1 -o x.y/z',
    ].join('\n'),
  );
  expect(images).toHaveLength(1);
  expect(notTaken.map(({ place }) => place.line)).toEqual([2, 3, 4, 6, 8]);
});

it('names further images together', () => {
  const pulls = Array.from({ length: 30 }, (_, i) => `docker pull quay.io/a/a:${i}`);
  const { notTaken } = readText(['IMAGES=(a:1)', ...pulls].join('\n'));
  expect(notTaken).toHaveLength(21);
  expect(notTaken.at(-1)).toMatchObject({ place: { line: 22 }, what: expect.stringContaining('10') });
});

it('names references in fields that are not known', () => {
  const { images, charts, notTaken } = readText(`charts:
  - {name: a, version: 1.0.0, repo: https://c.example, images: [quay.io/a/own:1]}
images:
  - quay.io/a/a:1 # quay.io/a/old:1
  - {name: quay.io/a/b, source: quay.io/a/c:1}
`);
  expect([images.length, charts.length]).toEqual([2, 1]);
  expect(notTaken.map(({ place }) => place.line)).toEqual([2, 5]);
});
