import type { Command, CommandUnknownOpts } from '@commander-js/extra-typings';
import { createProgram, readCommands } from '../../src/cli/program.ts';
import { SILENT_IO } from './silent-io.ts';

const COMMANDS = await readCommands();
const READ_FOR = new Map(
  await Promise.all([...COMMANDS.keys()].map(async (name) => [name, await readCommands([name])] as const)),
);

/** Creates the command line with all commands. */
export const wholeProgram = (): Command => createProgram(SILENT_IO, COMMANDS);

/** Creates the command line as the program does for some words: only with their command, or with all if they name none. */
export const programFor = (words: readonly string[]): Command =>
  createProgram(SILENT_IO, READ_FOR.get(words[0] ?? '') ?? COMMANDS);

/** Parses a command line of the plugin as the program does, and runs nothing. @throws CommanderError */
export function parsed(...args: readonly string[]): CommandUnknownOpts {
  const program = programFor(args);
  const command = program.commands.find((one) => one.name() === args[0]) as CommandUnknownOpts;
  command.action(() => {});
  program.parse(args, { from: 'user' });
  return command;
}

/** A command, with the words by which it is called, such as `access export`. */
export type NamedCommand = readonly [name: string, command: CommandUnknownOpts];

/** Returns all commands of a program: groups, and after each its subcommands. */
export function commandsOf(program: CommandUnknownOpts): NamedCommand[] {
  return program.commands.flatMap((command) => [
    [command.name(), command] as const,
    ...command.commands.map((each) => [`${command.name()} ${each.name()}`, each] as const),
  ]);
}

/** Returns the commands that do something: those without subcommands. */
export function runnableCommands(program: CommandUnknownOpts): NamedCommand[] {
  return commandsOf(program).filter(([, command]) => command.commands.length === 0);
}
