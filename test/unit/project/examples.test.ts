import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { consoleCommands, notPrinted, type PageBlock, pageBlocks } from '../../support/page.ts';
import { EXCEPTIONS, exceptionFor } from '../../support/page-exceptions.ts';

/** Every command shown in the documents is run by a test: `runPage` runs all commands of a page but for the exceptions. */

const root = join(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
/** The reference is generated from the help of the commands, whose examples a test of its own parses. */
const GENERATED = 'docs/reference.md';
const documents = ['*.md', '.github/**/*.md', 'docs/**/*.md']
  .flatMap((pattern) => globSync(pattern, { cwd: root }))
  .filter((page) => page !== GENERATED)
  .sort();
const tests = globSync('test/e2e/**/*.test.ts', { cwd: root }).map(read);

/** Lines of a page that are commands, whether they are run or not. */
const linesOf = ({ language, mark, text }: PageBlock): string[] => {
  if (mark === 'before' || mark.startsWith('file=')) return [];
  if (language === 'sh') return text.split(/(?<!\\)\n/).filter((line) => /^[^#\s]/.test(line));
  return language === 'console' ? [...text.matchAll(/^\$ (.*)/gm)].map(([, line = '']) => line) : [];
};

describe.each(documents)('%s', (page) => {
  const blocks = pageBlocks(page);

  it('has blocks of known marks only', () => {
    const known = /^(?:|before|file=[\w.-][\w./-]*|exit=\d+(?:,\d+)*)$/;
    expect(blocks.filter(({ mark }) => !known.test(mark)).map(({ line, mark }) => `${page}:${line} ${mark}`)).toEqual(
      [],
    );
  });

  it('names no more exit codes than a block has commands', () => {
    const odd = blocks.filter(({ mark, commands }) => mark.split(',').length > Math.max(1, commands.length));
    expect(odd.map(({ line }) => `${page}:${line}`)).toEqual([]);
  });

  it('shows commands that a test runs', () => {
    const run = blocks.filter(({ commands }) => commands.length > 0);
    const isRun = tests.some((text) => text.includes(`'${page}'`) && text.includes('runPage('));
    expect(isRun ? [] : run.map(({ line, text }) => `${page}:${line}: ${text}`)).toEqual([]);
  });
});

it.each(documents.filter((page) => page.startsWith('docs/guides/')))('%s shows commands of the plugin', (page) => {
  const commands = pageBlocks(page).flatMap((block) => block.commands.map(({ text }) => text));
  expect(commands.some((text) => text.includes('helm airgap '))).toBe(true);
});

describe('the bench', () => {
  it('splits a console into commands and what is shown below them', () => {
    expect(consoleCommands('$ a \\\n  b\none\n\ntwo\n$ c |\n    d\n')).toEqual([
      { text: 'a \\\n  b', shown: ['one', 'two'] },
      { text: 'c |\n    d', shown: [] },
    ]);
  });

  it('misses lines that were not printed, whatever the figures that vary', () => {
    const output = `app.tar written: 2 images, 13 blobs, 15.0 MB\nsha256:${'a'.repeat(64)}  pushed\n3 of 3 references private\n`;
    const missing = (...shown: readonly string[]): string[] => notPrinted({ shown, output });
    expect(missing('app.tar written: 2 images, 11 blobs, 9.1 kB', 'sha256:bbbbbbbbbbbb pushed')).toEqual([
      'sha256:bbbbbbbbbbbb pushed',
    ]);
    expect(missing('sha256:bbbbbbbbbbbb   pushed', '8 of 8 references private', '…', 'app.tar … 15.0 MB')).toEqual([]);
    const wrong = ['app.tar written: 3 images, 13 blobs, 15.0 MB', '2 of 3 references private', 'app … 15.0 MB left'];
    expect(missing(...wrong)).toEqual(wrong);
  });
});

describe('commands that no test runs', () => {
  const lines = documents.flatMap((page) =>
    pageBlocks(page).flatMap((block) => linesOf(block).map((line) => ({ place: `${page}:${block.line}`, line }))),
  );
  const left = lines.filter(({ line }) => exceptionFor(line) !== undefined);

  it('are few, and have a reason', () => {
    for (const { command, reason } of EXCEPTIONS)
      console.log(`not run: ${command}… (${left.filter(({ line }) => line.startsWith(command)).length}): ${reason}`);
    expect(EXCEPTIONS.filter(({ command }) => !left.some(({ line }) => line.startsWith(command)))).toEqual([]);
    expect(left.length).toBeLessThan(40);
  });

  it('name scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json'));
    const missing = left.filter(({ line }) => {
      const [, script] = /\bnpm run (\S+)/.exec(line) ?? [];
      const [, file] = /^(scripts\/\S+)/.exec(line) ?? [];
      return (script !== undefined && !(script in scripts)) || (file !== undefined && !existsSync(join(root, file)));
    });
    expect(missing).toEqual([]);
  });
});
