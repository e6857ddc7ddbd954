import { expect, test } from 'vitest';
import { ValuesFile } from '../../../../src/workflows/public-ecr/values-file.ts';

const FILE = new ValuesFile(
  { file: '/values.yaml' },
  `# comment\r
image: &web nginx\r
same: *web
base: &base
  repository: redis
merged:
  <<: *base
  tag: 8.0
list:
  - plain
  - {name: 'quo''ted'}
empty: ""
`,
);

test.each<[(string | number)[], object | undefined]>([
  [['image'], { text: 'nginx', line: 2, isAnchored: true }],
  [['same'], undefined],
  [['base', 'repository'], { text: 'redis', line: 5, isAnchored: true }],
  [['merged', 'repository'], undefined],
  [['merged', 'tag'], undefined],
  [['list', 0], { text: 'plain', line: 10, isAnchored: false }],
  [['list', 1, 'name'], { text: "quo'ted", line: 11, isAnchored: false }],
  [['empty'], { text: '', line: 12, isAnchored: false }],
  [['list'], undefined],
  [['none', 'at', 'all'], undefined],
])('%j', (keys, expected) => {
  expect(FILE.scalarAt(keys)).toEqual(expected);
});

test('what is not YAML says the line, and has no scalars', () => {
  const bad = new ValuesFile({ file: '/values.yaml' }, 'a: 1\nb: "open\n');
  expect(bad.problem).toMatch(/line [23]/);
  expect(bad.scalarAt(['a'])).toBeUndefined();
  expect(bad.values()).toBeUndefined();
});
