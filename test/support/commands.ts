import type { CommandUnknownOpts } from '@commander-js/extra-typings';

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
