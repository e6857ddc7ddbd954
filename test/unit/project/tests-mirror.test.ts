import { existsSync, globSync } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../../..');

/** Files below test/unit/ but test/unit/project/, which is about the whole tree. */
const files = globSync('test/unit/**/*.ts', { cwd: root })
  .map((file) => file.split(sep).slice(2).join('/'))
  .filter((file) => !file.startsWith('project/'));

/** Paths that the source of a test may have: `oci/digest.test.ts`, `oci/digest.BEHAVIOUR.test.ts` test `src/oci/digest.ts`. */
function sourcesOf(file: string): string[] {
  const source = join(dirname(file), basename(file).replace(/\..*/, ''));
  return file.startsWith('evaluation/') ? [`${source}.ts`, `${source}.mjs`] : [`src/${source}.ts`];
}

test('a unit test has the path of the source that it tests', () => {
  expect(files).toContain('base/errors.test.ts');
  const strange = files.filter((file) => !sourcesOf(file).some((source) => existsSync(join(root, source))));
  expect(strange).toEqual([]);
});

test('what several tests need is in test/support/', () => {
  expect(files.filter((file) => !file.endsWith('.test.ts'))).toEqual([]);
});
