import { existsSync, globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pageBlocks } from '../../support/page.ts';

/** Every page in docs/guides/ shows what people script and what replaces it, and a test runs its commands. */

const root = join(import.meta.dirname, '../../..');
const guides = globSync('docs/guides/*.md', { cwd: root })
  .map((path) => basename(path, '.md'))
  .sort();

describe.each(guides)('%s', (name) => {
  it('has a test that runs its commands', () => {
    expect(existsSync(join(root, `test/e2e/guides/${name}.test.ts`))).toBe(true);
  });

  it('has blocks of known marks only, and commands of the plugin', () => {
    const blocks = pageBlocks(name);
    const unknown = blocks.filter(
      ({ mark }) => mark !== '' && mark !== 'before' && !/^file=[\w.-][\w./-]*$/.test(mark),
    );
    expect(unknown).toEqual([]);
    const run = blocks.filter(({ language, mark }) => language === 'sh' && mark === '');
    expect(run.some(({ text }) => text.includes('helm airgap '))).toBe(true);
  });
});
