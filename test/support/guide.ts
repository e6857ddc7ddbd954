import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { cleanEnvironment, helmUnderTest, launcher } from './cli.ts';

/**
 * Runs the commands of a page in docs/guides/. Blocks marked ```sh are run, all of them, in their order and each in a shell of
 * its own; blocks marked ```sh before show what people script without the plugin and are not run. A block marked
 * ```LANGUAGE file=PATH is a file that the reader writes at this path.
 */

export interface GuideBlock {
  /** Heading above it. */
  readonly heading: string;
  readonly language: string;
  /** Word after the language: `before`, `file=PATH` or nothing. */
  readonly mark: string;
  readonly text: string;
}

/** Returns the code blocks of docs/guides/PAGE.md in their order. */
export function guideBlocks(page: string): GuideBlock[] {
  const text = readFileSync(join(import.meta.dirname, '../../docs/guides', `${page}.md`), 'utf8');
  let heading = '';
  return [...text.matchAll(/^#+ (.*)$|^```(\S+)(?: (\S+))?\n([\s\S]*?)^```$/gm)].flatMap(
    ([, title, language, mark = '', block = '']) => {
      if (title !== undefined) heading = title;
      return language === undefined ? [] : [{ heading, language, mark, text: block }];
    },
  );
}

export interface GuideRun extends GuideBlock {
  readonly code: number;
  /** Standard output and standard error. */
  readonly output: string;
}

export interface GuideOptions {
  /** Working folder, where the files of the page are written; must exist. */
  readonly cwd: string;
  /** Folder of the user, with logins. */
  readonly home: string;
  /** Hosts and names of the page that mean others here, such as `registry.example.com` and a host on loopback. */
  readonly replace: Readonly<Record<string, string>>;
  /** Flags for all commands of the plugin that take them, such as `--plain-http HOST`. @param command e.g. `bundle` */
  readonly flags?: (command: string) => readonly string[];
  /** Further programs and variables; `PATH` is appended to. */
  readonly env?: Readonly<Record<string, string>>;
  /** Blocks that another test runs. */
  readonly leaveOut?: (block: GuideBlock) => boolean;
  /** Also runs the lines of ```console blocks that begin with `$ `. */
  readonly withConsoles?: true;
  /** Called before each block, with what it is; may change files. */
  readonly before?: (block: GuideBlock, index: number) => void | Promise<void>;
}

/** Writes the page's files and runs its commands, up to the first block that fails. `helm airgap` is the built plugin. */
export async function runGuide(page: string, options: GuideOptions): Promise<GuideRun[]> {
  const { cwd, home, replace, flags = () => [], env = {}, leaveOut = () => false, withConsoles, before } = options;
  const programs = join(home, 'guide-programs');
  mkdirSync(programs, { recursive: true });
  const cases = [
    'access',
    'bundle',
    'check',
    'doctor',
    'image-streams',
    'images',
    'image-streams',
    'import',
    'login',
    'mirror',
    'public-ecr',
    'push',
    'serve',
    'values',
    'verify',
    'inspect',
  ]
    .map((command) => [command, flags(command)] as const)
    .filter(([, list]) => list.length > 0)
    .map(([command, list]) => `  ${command}) set -- "$@" ${list.map((flag) => `'${flag}'`).join(' ')} ;;`);
  const script = [
    '#!/bin/sh',
    `[ "$1" = airgap ] || exec '${helmUnderTest()}' "$@"`,
    'shift',
    ...(cases.length === 0 ? [] : ['case "$1" in', ...cases, 'esac']),
    // Helm stays the parent of the plugin, and names it.
    `HELM_PLUGIN_NAME=airgap '${launcher}' "$@"`,
    '',
  ];
  writeFileSync(join(programs, 'helm'), script.join('\n'));
  chmodSync(join(programs, 'helm'), 0o755);
  const here = (text: string): string =>
    Object.entries(replace).reduce((replaced, [from, to]) => replaced.replaceAll(from, to), text);
  const runs: GuideRun[] = [];
  for (const [i, block] of guideBlocks(page).entries()) {
    const [, path] = /^file=(.*)$/.exec(block.mark) ?? [];
    if (path !== undefined) {
      mkdirSync(dirname(join(cwd, path)), { recursive: true });
      writeFileSync(join(cwd, path), here(block.text));
    }
    const isConsole = block.language === 'console' && withConsoles === true;
    if ((block.language !== 'sh' && !isConsole) || block.mark !== '' || leaveOut(block)) continue;
    await before?.(block, i);
    const commands = isConsole ? block.text.replaceAll(/^\$ |^(?!\$ ).*\n/gm, '') : block.text;
    const ended = await execa('bash', ['-e', '-o', 'pipefail', '-c', here(commands)], {
      cwd,
      extendEnv: false,
      env: {
        ...cleanEnvironment(home),
        HELM_BIN: helmUnderTest(),
        ...env,
        PATH: [programs, env.PATH, process.env.PATH].filter((part) => part !== undefined).join(':'),
      },
      reject: false,
      all: true,
      stdin: 'ignore',
    });
    runs.push({ ...block, code: ended.exitCode ?? -1, output: ended.all ?? '' });
    if (ended.exitCode !== 0) break;
  }
  return runs;
}
