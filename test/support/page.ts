import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { createProgram } from '../../src/cli/program.ts';
import { cleanEnvironment, helmUnderTest, launcher } from './cli.ts';
import { escapeRegExp } from './escape-reg-exp.ts';
import { exceptionFor } from './page-exceptions.ts';
import { scratchFolder } from './scratch.ts';
import { SILENT_IO } from './silent-io.ts';

/**
 * Runs the commands of a document. Blocks marked ```sh are commands, all of them are run. Blocks marked ```console show commands
 * after `$ ` and what these print. Marks after the language, which readers do not see:
 *
 * - ```sh before: what people script without the plugin; not run
 * - ```LANGUAGE file=PATH: a file that the reader writes at this path
 * - ```console exit=3: exit code of the commands, in their order, 0 where none is given
 */

const root = join(import.meta.dirname, '../..');
/** Folder below the reader's home with the program `helm`. */
export const PROGRAMS = 'page-programs';
const COMMANDS = createProgram(SILENT_IO, new Map()).commands.map((command) => command.name());

/** A command that is run, and what the page says of it. */
interface PageCommand {
  /** All of a block marked `sh`, or one command of a `console`. */
  readonly text: string;
  /** Lines that the page shows below it. */
  readonly shown: readonly string[];
  readonly wanted: number;
}

export interface PageBlock {
  /** Heading above it. */
  readonly heading: string;
  /** Line of the page, from 1. */
  readonly line: number;
  readonly language: string;
  /** Word after the language: `before`, `file=PATH`, `exit=CODES` or nothing. */
  readonly mark: string;
  readonly text: string;
  /** Commands of the block, without exceptions. */
  readonly commands: readonly PageCommand[];
}

/** Returns the code blocks of a document in their order. @param page path from the root, e.g. `docs/push.md` */
export function pageBlocks(page: string): PageBlock[] {
  const text = readFileSync(join(root, page), 'utf8');
  let heading = '';
  const found = text.matchAll(/^#+ (.*)$|^( *)```(\S+)(?: (\S+))?\n([\s\S]*?)^ *```$/gm);
  return [...found].flatMap(({ index, 1: title, 2: indent = '', 3: language, 4: mark = '', 5: body = '' }) => {
    if (title !== undefined) heading = title;
    if (language === undefined) return [];
    const line = text.slice(0, index).split('\n').length;
    const block = { heading, line, language, mark, text: body.replaceAll(new RegExp(`^${indent}`, 'gm'), '') };
    return [{ ...block, commands: commandsOf(block) }];
  });
}

function commandsOf({ language, mark, text }: Omit<PageBlock, 'commands'>): PageCommand[] {
  if (mark !== '' && !mark.startsWith('exit=')) return [];
  const codes = mark.replace('exit=', '').split(',').map(Number);
  if (language === 'sh') {
    const kept = text
      .split(/(?<!\\)\n/)
      .filter((line) => exceptionFor(line) === undefined)
      .join('\n');
    return /^[^#\n]/m.test(kept) ? [{ text: kept, shown: [], wanted: codes[0] ?? 0 }] : [];
  }
  if (language !== 'console') return [];
  return consoleCommands(text)
    .map((command, i) => ({ ...command, wanted: codes[i] ?? 0 }))
    .filter((command) => exceptionFor(command.text) === undefined);
}

/** Splits a console into its commands, of several lines where one ends with `\` or `|`, and what is shown below each. */
export function consoleCommands(text: string): Omit<PageCommand, 'wanted'>[] {
  const commands: { text: string; shown: string[] }[] = [];
  for (const line of text.trimEnd().split('\n')) {
    const last = commands.at(-1);
    if (line.startsWith('$ ')) commands.push({ text: line.slice(2), shown: [] });
    else if (last !== undefined && last.shown.length === 0 && /[\\|]$/.test(last.text)) last.text += `\n${line}`;
    else if (line !== '') last?.shown.push(line);
  }
  return commands;
}

export interface PageRun extends PageCommand {
  readonly heading: string;
  readonly language: string;
  readonly code: number;
  /** Standard output and standard error. */
  readonly output: string;
}

/** A command that is about to run. */
export type PageStep = PageCommand & Pick<PageBlock, 'heading'>;

export interface PageOptions {
  /** Working folder, where the files of the page are written; must exist. */
  readonly cwd: string;
  /** Folder of the user, with logins. */
  readonly home: string;
  /** Hosts and names of the page that mean others here, such as `registry.example.com` and a host on loopback. */
  readonly replace?: Readonly<Record<string, string>>;
  /** Flags for all commands of the plugin that take them, such as `--plain-http HOST`. @param command e.g. `bundle` */
  readonly flags?: (command: string) => readonly string[];
  /** Path of another Helm than the one under test. */
  readonly helm?: string;
  /** There is no cluster: `helm install` and `helm upgrade --install` render. */
  readonly rendersInstalls?: true;
  /** Further programs and variables; `PATH` is appended to. */
  readonly env?: Readonly<Record<string, string>>;
  /** Blocks that cannot be run here, or that another call runs. */
  readonly leaveOut?: (block: PageBlock) => boolean;
  /** Waits until Ctrl-C is to be pressed, where the page shows `^C`. */
  readonly interrupted?: () => Promise<unknown>;
  /** Called before each command; may change files. */
  readonly before?: (step: PageStep) => void | Promise<void>;
}

/**
 * Writes the page's files and runs its commands in their order, in one folder and with the variables of the commands before.
 * `helm airgap` is the built plugin. `serve` goes on until the next one, or the end of the page.
 * @throws Error with the page's line if a command ends with another code than the page says, or does not print what it shows
 */
export async function runPage(page: string, options: PageOptions): Promise<PageRun[]> {
  const { cwd, leaveOut = () => false, before } = options;
  const here = (text: string): string =>
    Object.entries(options.replace ?? {}).reduce((replaced, [from, to]) => replaced.replaceAll(from, to), text);
  const runs: PageRun[] = [];
  const faults: string[] = [];
  const shell = new PageShell(options);
  try {
    for (const block of pageBlocks(page)) {
      const [, path] = /^file=(.*)$/.exec(block.mark) ?? [];
      if (path !== undefined) {
        mkdirSync(dirname(join(cwd, path)), { recursive: true });
        writeFileSync(join(cwd, path), here(block.text));
      }
      if (leaveOut(block)) continue;
      const { heading, language } = block;
      for (const command of block.commands) {
        await before?.({ ...command, heading });
        const ended = await shell.run(here(command.text), command.shown.includes('^C'));
        const run = { ...command, heading, language, ...ended };
        runs.push(run);
        const missing = notPrinted({ ...run, shown: command.shown.filter((line) => line !== '^C').map(here) });
        const isOther = run.code !== run.wanted;
        if (isOther) faults.push(`ended with ${run.code}, not ${run.wanted}`);
        if (missing.length > 0) faults.push(`did not print:\n${missing.join('\n')}`);
        if (isOther || missing.length > 0) faults.push(`${page}:${block.line}: ${command.text}\n${run.output}\n`);
        if (isOther) throw new Error(faults.join('\n'));
      }
    }
  } finally {
    await shell.stop();
  }
  if (faults.length > 0) throw new Error(faults.join('\n'));
  return runs;
}

/** Runs commands in bash, each with the variables of those before. */
class PageShell {
  readonly #options: PageOptions;
  readonly #variables: string;
  readonly #env: Readonly<Record<string, string>>;
  #serving: ReturnType<PageShell['spawn']> | undefined;

  constructor(options: PageOptions) {
    const { home, env = {}, helm = helmUnderTest() } = options;
    this.#options = options;
    this.#variables = join(scratchFolder(), 'variables');
    const paths = [writeHelm(options), env.PATH, process.env.PATH].filter((part) => part !== undefined);
    this.#env = { ...cleanEnvironment(home), HELM_BIN: helm, ...env, PATH: paths.join(':') };
  }

  /** @param interrupt presses Ctrl-C */
  async run(command: string, interrupt: boolean): Promise<Pick<PageRun, 'code' | 'output'>> {
    if (/^helm airgap serve .*$(?![\s\S]*\S)/m.test(command)) return this.#serve(command);
    const child = this.spawn(command, interrupt);
    if (interrupt) void this.#options.interrupted?.().then(() => pressCtrlC(child.pid));
    const { exitCode, signal, all = '' } = await child;
    return { code: exitCode ?? (signal === 'SIGINT' ? 130 : -1), output: all };
  }

  /** Waits until it listens. */
  async #serve(command: string): Promise<Pick<PageRun, 'code' | 'output'>> {
    await this.stop();
    const child = this.spawn(command, true);
    this.#serving = child;
    let output = '';
    const listening = new Promise<number>((resolve) => {
      child.all.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        if (/^next: .*\n/m.test(output)) resolve(0);
      });
    });
    const code = await Promise.race([listening, child.then(({ exitCode = -1 }) => exitCode)]);
    return { code, output };
  }

  /** Ends `serve`, as Ctrl-C does. */
  async stop(): Promise<void> {
    const serving = this.#serving;
    this.#serving = undefined;
    if (serving === undefined) return;
    pressCtrlC(serving.pid);
    await serving;
  }

  spawn(command: string, detached = false) {
    const file = this.#variables;
    const script = `set -a\n[ ! -e '${file}' ] || . '${file}'\ntrap "export -p > '${file}'" EXIT\n${command}`;
    return execa('bash', ['-e', '-o', 'pipefail', '-c', script], {
      cwd: this.#options.cwd,
      extendEnv: false,
      env: this.#env,
      reject: false,
      all: true,
      stdin: 'ignore',
      detached,
    });
  }
}

/** @param group process that leads a group, which may have ended */
function pressCtrlC(group: number | undefined): void {
  try {
    if (group !== undefined) process.kill(-group, 'SIGINT');
  } catch {
    // It has ended by itself.
  }
}

const RENDER_INSTALLS = [
  'case "$1 $2" in',
  '  "install "*) shift; set -- template "$@" ;;',
  '  "upgrade --install") shift 2; set -- template "$@" ;;',
  'esac',
];

/** Writes a program `helm` that runs the Helm under test, and for `helm airgap` the built plugin. @returns its folder */
function writeHelm({ home, flags = () => [], helm = helmUnderTest(), rendersInstalls }: PageOptions): string {
  const programs = join(home, PROGRAMS);
  mkdirSync(programs, { recursive: true });
  const cases = COMMANDS.map((command) => [command, flags(command)] as const)
    .filter(([, list]) => list.length > 0)
    .map(([command, list]) => `  ${command}) set -- "$@" ${list.map((flag) => `'${flag}'`).join(' ')} ;;`);
  const script = [
    '#!/bin/sh',
    ...(rendersInstalls ? RENDER_INSTALLS : []),
    `[ "$1" = airgap ] || exec '${helm}' "$@"`,
    'shift',
    ...(cases.length === 0 ? [] : ['case "$1" in', ...cases, 'esac']),
    // Helm stays the parent of the plugin, and names it.
    `HELM_PLUGIN_NAME=airgap '${launcher}' "$@"`,
    '',
  ];
  writeFileSync(join(programs, 'helm'), script.join('\n'));
  chmodSync(join(programs, 'helm'), 0o755);
  return programs;
}

/** What differs from run to run, or from machine to machine. */
const VARYING: readonly (readonly [RegExp, string])[] = [
  [/sha256:[0-9a-f]{8,64}/g, 'DIGEST'],
  [/\b[0-9a-f]{64}\b/g, 'DIGEST'],
  [/\b\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME'],
  [/\b\d+(?:\.\d+)? [kMGT]?B\b/g, 'SIZE'],
  [/\b\d+ blobs?\b/g, 'BLOBS'],
  [/\b\d+ of \d+ bytes\b/g, 'BYTES'],
  [/\.[0-9a-f]{8}\.sig\b/g, '.KEY.sig'],
  [/\b(\d+) of \1 (?=references|images)/g, 'ALL of ALL '],
  [/\bbyte \d+\b/g, 'BYTE'],
  [/\bprocess \d+ on [^ ,]+/g, 'PROCESS'],
  [/ {2,}/g, '  '],
];

/**
 * Returns the lines that a page shows and a command did not print. `…` stands for any text. Digests, times, sizes, numbers of blobs,
 * processes and the widths of columns may differ.
 */
export function notPrinted({ shown, output }: Pick<PageRun, 'shown' | 'output'>): string[] {
  const steady = (text: string): string =>
    VARYING.reduce((replaced, [pattern, word]) => replaced.replaceAll(pattern, word), text.trimEnd());
  const printed = new Set(output.split('\n').map(steady));
  return shown.filter((line) => {
    const wanted = steady(line);
    if (!wanted.includes('…')) return !printed.has(wanted);
    const pattern = new RegExp(`^${wanted.split('…').map(escapeRegExp).join('.*')}$`);
    return ![...printed].some((text) => pattern.test(text));
  });
}
