import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { programFor, runnableCommands } from '../../support/commands.ts';
import { pageBlocks } from '../../support/page.ts';

/** Documents name commands, files and sections that exist. What the commands do is tested elsewhere. */

const root = join(import.meta.dirname, '../../..');
const DOCUMENTS = ['*.md', '.github/**/*.md', 'docs/**/*.md']
  .flatMap((pattern) => globSync(pattern, { cwd: root }))
  .sort();
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** Commands of a page, continued lines joined. */
function shellLines(page: string): string[] {
  const commands = pageBlocks(page).flatMap((block) => block.commands.map(({ text }) => text));
  return commands.flatMap((text) => text.replaceAll(/\\\n\s*/g, ' ').split('\n'));
}

/** Words of the first simple command in a line that calls the plugin, without the line's redirections. */
function pluginWords(line: string): string[] | undefined {
  const call = /(?:^|[\s(])helm airgap\s+(.*)$/.exec(line)?.[1];
  if (call === undefined) return undefined;
  const words: string[] = [];
  for (const [token, , single, double] of call.matchAll(/(?:'([^']*)'|"([^"]*)"|[^\s'"])+|\s+/g)) {
    if (/^\s/.test(token)) continue;
    if (/^(?:\d?[<>|]|&&|;|#|\))/.test(token)) break;
    words.push(single ?? double ?? token.replaceAll(/['"]/g, '').replace(/[;)]$/, ''));
  }
  return words;
}

/** @returns the error code of commander, when the words are no valid command line */
async function refusal(words: readonly string[]): Promise<string | undefined> {
  const program = programFor(words);
  for (const [, command] of runnableCommands(program)) command.action(() => {});
  try {
    await program.parseAsync([...words], { from: 'user' });
    return undefined;
  } catch (error) {
    if (!(error instanceof CommanderError)) return String(error);
    return error.exitCode === 0 ? undefined : error.code;
  }
}

/** Names of the sections as GitHub makes them. */
const anchors = (text: string): string[] =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

describe.each(DOCUMENTS)('%s', (path) => {
  it('has no markers of a merge', () => {
    expect(read(path)).not.toMatch(/^(?:<{7}|>{7}|={7})(?: |$)/m);
  });

  const text = read(path);

  it('shows commands that the program takes', async () => {
    const refused: string[] = [];
    for (const line of shellLines(path)) {
      const words = pluginWords(line);
      if (words === undefined || words.length === 0) continue;
      const code = await refusal(words);
      if (code !== undefined) refused.push(`${code}: ${line}`);
    }
    expect(refused).toEqual([]);
  });

  it('links to files and sections that exist', () => {
    const broken: string[] = [];
    for (const [, link = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [file = '', section] = link.split('#');
      const target = file === '' ? path : normalize(join(dirname(path), file));
      if (!existsSync(join(root, target))) broken.push(link);
      else if (section !== undefined && target.endsWith('.md') && !anchors(read(target)).includes(section))
        broken.push(link);
    }
    expect(broken).toEqual([]);
  });

  it('names files of the checkout that exist', () => {
    const named = [...text.matchAll(/`((?:src|test|docs|scripts|fixtures|evaluation|post-renderer)\/[\w./-]+)`/g)].map(
      ([, name = '']) => name,
    );
    expect(named.filter((name) => !existsSync(join(root, name)))).toEqual([]);
  });
});

it('finds what it is meant to refuse', async () => {
  expect(await refusal(['bundle', 'chart', '--no-such-flag', '--out', 'x.tar'])).toBe('commander.unknownOption');
  expect(await refusal(['bundle', 'chart', '--out', 'x.tar'])).toBeUndefined();
  expect(pluginWords("$ helm airgap push 'a b.tar' --to x > log # why")).toEqual(['push', 'a b.tar', '--to', 'x']);
  expect(DOCUMENTS).toContain('README.md');
});
