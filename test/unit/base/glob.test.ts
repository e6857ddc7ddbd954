import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { expandGlob } from '../../../src/base/glob.ts';
import { scratchFolder } from '../../support/scratch.ts';

const FILES = [
  'a/values.yaml',
  'b/values.yaml',
  'b/deep/er/values.yaml',
  '.git/values.yaml',
  'b/.hidden.yaml',
  'x.txt',
];

function folder(): string {
  const root = scratchFolder();
  for (const path of FILES) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), '');
  }
  symlinkSync('b', join(root, 'link'));
  return root;
}

test.each([
  ['*/values.yaml', ['a/values.yaml', 'b/values.yaml', 'link/values.yaml']],
  ['**/values.yaml', ['a/values.yaml', 'b/values.yaml', 'b/deep/er/values.yaml']],
  ['b/**', ['b', 'b/deep', 'b/deep/er']],
  ['.*/values.yaml', ['.git/values.yaml']],
  ['b/*.yaml', ['b/values.yaml']],
  ['x.txt', ['x.txt']],
  ['nothing/*', []],
  ['gone.txt', []],
])('%s', async (glob, expected) => {
  const root = folder();
  expect(await expandGlob(join(root, glob))).toEqual(expected.map((path) => join(root, path)));
});
