import type { CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import type { Context } from '../../session/context.ts';
import { createProgram, readCommands } from '../program.ts';
import type { CommandIO } from '../run.ts';
import { awsProfiles } from './aws-profiles.ts';
import { bundleNames } from './bundle-names.ts';

/** What the shell does besides offering the lines (cobra's ShellCompDirective). */
const DIRECTIVES = { files: 0, nothing: 4, extensions: 8, folders: 16 } as const;

/** Completions of a word: one in each line, with a description after a tab. */
export interface Completion {
  readonly lines: readonly string[];
  readonly directive: keyof typeof DIRECTIVES;
}

const FILES: Completion = { lines: [], directive: 'files' };
const NOTHING: Completion = { lines: [], directive: 'nothing' };

/** Commands whose arguments are bundles, which their flags select from. */
const READ_BUNDLES: ReadonlySet<string> = new Set(['extract', 'push', 'serve']);

/** Commands are created, and none is run. */
const NO_IO = { context: { env: {} } } as unknown as CommandIO;

/** Where a command line is completed. */
type Place = Pick<Context, 'cwd' | 'env'>;

/** Milliseconds for all of it: the file of a bundle may be on a disk that does not answer. */
const TIME_LIMIT = 10_000;

/** Formats a completion as plugins tell Helm: lines, then the directive. */
export function completionText({ lines, directive }: Completion): string {
  return [...lines, `:${DIRECTIVES[directive]}`, ''].join('\n');
}

/**
 * Completes the last word of a command line. Problems are silent: a message would end up in the command line.
 * @param words after `helm airgap`, without flags of Helm itself; the last one is to be completed and may be empty
 * @param place base of relative paths, and the environment, which may name the files of AWS profiles
 */
export async function complete(words: readonly string[], place: Place): Promise<Completion> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Completion>((resolve) => {
    timer = setTimeout(resolve, TIME_LIMIT, NOTHING);
  });
  try {
    return await Promise.race([completeWord(words, place), late]);
  } catch {
    return NOTHING;
  } finally {
    clearTimeout(timer);
  }
}

async function completeWord(words: readonly string[], place: Place): Promise<Completion> {
  const [name = ''] = words;
  const program = createProgram(NO_IO, await readCommands([name]));
  let command: CommandUnknownOpts | undefined = program.commands.find((one) => one.name() === name);
  let rest = words.slice(1);
  const group = command;
  if (group !== undefined && group.commands.length > 0) {
    command = group.commands.find((one) => one.name() === rest[0]);
    rest = rest.slice(1);
  }
  if (command === undefined || rest.length === 0) return NOTHING;
  const word = rest.at(-1) ?? '';
  const line = readLine(command, rest.slice(0, -1));
  if (line.pending !== undefined) return values(line.pending, word, line, place);
  const [, flag, value] = (line.isOpen && /^(--[^=]+)=([\s\S]*)$/.exec(word)) || [];
  const option = flag === undefined ? undefined : command.options.find(({ long }) => long === flag);
  if (option !== undefined) return values(option, value ?? '', line, place);
  if (line.isOpen && word.startsWith('-')) return { lines: flags(command, word, line), directive: 'nothing' };
  return argument(command, word, line, place);
}

/** Words before the one to complete. */
interface Line {
  readonly command: CommandUnknownOpts;
  readonly given: ReadonlyMap<string, readonly string[]>;
  readonly positional: readonly string[];
  /** Flag whose value is to be completed. */
  readonly pending: Option | undefined;
  /** False after `--`, which ends the flags. */
  readonly isOpen: boolean;
}

function readLine(command: CommandUnknownOpts, words: readonly string[]): Line {
  const given = new Map<string, string[]>();
  const positional: string[] = [];
  let pending: Option | undefined;
  let isOpen = true;
  const note = (option: Option, value: string): void => {
    const name = option.attributeName();
    given.set(name, [...(given.get(name) ?? []), value]);
  };
  for (const word of words) {
    if (pending !== undefined) {
      note(pending, word);
      pending = undefined;
    } else if (!isOpen || !word.startsWith('-') || word === '-') positional.push(word);
    else if (word === '--') isOpen = false;
    else {
      const [, flag = word, value] = /^(--[^=]+)=([\s\S]*)$/.exec(word) ?? [];
      const option = command.options.find(({ long, short }) => long === flag || short === flag);
      if (option === undefined) continue;
      if (option.required && value === undefined) pending = option;
      else note(option, value ?? '');
    }
  }
  return { command, given, positional, pending, isOpen };
}

/** Returns the flags of a command that begin with a text and can still be given, with their descriptions. */
function flags(command: CommandUnknownOpts, word: string, { given }: Line): string[] {
  return command.options
    .filter((option) => !option.hidden && option.long?.startsWith(word))
    .filter((option) => !given.has(option.attributeName()) || Array.isArray(option.defaultValue))
    .map(({ long, description }) => `${long}\t${firstWords(description)}`);
}

/** Maximum characters of a description. */
const DESCRIPTION_LENGTH = 80;

function firstWords(text: string): string {
  return text.length <= DESCRIPTION_LENGTH ? text : `${text.slice(0, DESCRIPTION_LENGTH - 1)}…`;
}

/** Completes the value of a flag. */
async function values(option: Option, word: string, line: Line, { cwd, env }: Place): Promise<Completion> {
  if (option.argChoices !== undefined) return offer(option.argChoices, word);
  const bundles = [
    ...(line.given.get('bundle') ?? []),
    ...(READ_BUNDLES.has(line.command.name()) ? line.positional : []),
  ];
  if (option.long === '--chart') return offer((await bundleNames(bundles, cwd)).charts, word);
  if (['--image', '--exclude', '--include'].includes(option.long ?? ''))
    return offer((await bundleNames(bundles, cwd)).images, word);
  if (option.long === '--profile') return offer(await awsProfiles(env), word);
  if (option.long === '--config') return { lines: ['yaml', 'yml'], directive: 'extensions' };
  const placeholder = /[<[]([^>\]]*)/.exec(option.flags)?.[1] ?? '';
  if (/\b(?:dir|folder|root)$/.test(placeholder)) return { lines: [], directive: 'folders' };
  return /\b(?:file|path|glob|program|key)\b/.test(placeholder) ? FILES : NOTHING;
}

/** Completes an argument: a chart of the bundle, a fixed choice, or a file. */
async function argument(command: CommandUnknownOpts, word: string, line: Line, { cwd }: Place): Promise<Completion> {
  const declared = command.registeredArguments;
  const next = declared[line.positional.length] ?? (declared.at(-1)?.variadic ? declared.at(-1) : undefined);
  if (next === undefined) return NOTHING;
  if (next.argChoices !== undefined) return offer(next.argChoices, word);
  const bundles = line.given.get('bundle') ?? [];
  if (next.name() === 'chart' && bundles.length > 0) {
    const { lines } = offer((await bundleNames(bundles, cwd)).charts, word);
    // Also the file of a chart.
    return { lines, directive: lines.length > 0 ? 'nothing' : 'files' };
  }
  return ['target', 'registry'].includes(next.name()) ? NOTHING : FILES;
}

/** Offers the names that begin with a word and are plain. */
export function offer(names: readonly string[], word: string): Completion {
  return { lines: names.filter((name) => name.startsWith(word) && isPlain(name)), directive: 'nothing' };
}

/**
 * Reports whether a name is one word for every shell. Others are not offered: a shell puts them into the command line as they
 * are, where a space would divide them, and `$(…)` would run.
 */
function isPlain(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.,:/@%+=-]*$/.test(name);
}
