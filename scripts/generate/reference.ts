import type { EventEmitter } from 'node:events';
import { type CommandUnknownOpts, Help, type Option } from '@commander-js/extra-typings';
import { withoutEmptyDefault } from '../../src/cli/help.ts';

/** Returns docs/reference.md: arguments, flags and examples of every command, as the program declares them. */
export function referencePage(program: CommandUnknownOpts): string {
  const commands = program.commands.flatMap((command) =>
    command.commands.length === 0 ? [command] : [...command.commands],
  );
  const links = commands.map((command) => `[${wordsOf(command)}](#${wordsOf(command).replaceAll(' ', '-')})`);
  return `# Reference of commands

Made from the program by \`npm run generate\`. [commands.md](commands.md) says what the commands are for, and documents linked
there how to use them.

All commands have \`--help\`, the flags of the group Progress, and these [exit codes](commands.md#exit-codes): 0 done, 1 failed,
2 wrong usage or configuration, 3 check failed, 130 interrupted.

${links.join(' · ')}

## Progress

${flagTable(
  commands
    .flatMap(({ options }) => options)
    .filter(isProgress)
    .slice(0, 2),
)}

${commands.map(section).join('\n')}`;
}

/** Returns the words of a command without those of the program: `access export`. */
function wordsOf(command: CommandUnknownOpts): string {
  const { parent } = command;
  return parent === null || parent.parent === null ? command.name() : `${wordsOf(parent)} ${command.name()}`;
}

function section(command: CommandUnknownOpts): string {
  const help = new Help();
  const words = wordsOf(command);
  const parts = [`## ${words}`, sentence(command.description()), `\`helm airgap ${words} ${command.usage()}\``];
  const rows = help
    .visibleArguments(command)
    .map((argument) => row(argument.name(), help.argumentDescription(argument)));
  if (rows.length > 0) parts.push(table('argument', rows));
  const options = help.visibleOptions(command).filter((option) => !isProgress(option) && option.long !== '--help');
  const groups = Map.groupBy(options, ({ helpGroupHeading = 'Options:' }) => helpGroupHeading);
  for (const [heading, flags] of groups) parts.push(`**${heading.replace(/:$/, '')}**`, flagTable(flags));
  const shown = examplesOf(command);
  if (shown.length > 0) parts.push(`\`\`\`sh\n${shown.join('\n')}\n\`\`\``);
  return `${parts.join('\n\n')}\n`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${escaped(text.slice(1))}.`;
}

/** Reports whether a flag is one of those that every command has. */
function isProgress({ helpGroupHeading }: Option): boolean {
  return helpGroupHeading === 'Progress:';
}

function flagTable(options: readonly Option[]): string {
  const help = new Help();
  return table(
    'flag',
    options.map((option) => row(option.flags, withoutEmptyDefault(help.optionDescription(option)))),
  );
}

function table(subject: string, rows: readonly string[]): string {
  return [`| ${subject} | |`, '|---|---|', ...rows].join('\n');
}

function row(name: string, description: string): string {
  return `| \`${name.replaceAll('|', '\\|')}\` | ${escaped(description)} |`;
}

/** Escapes what Markdown would interpret. */
function escaped(text: string): string {
  return text.replaceAll(/[\\|<>*_`[\]]/g, '\\$&');
}

/** Returns the examples at the end of the help, which Commander writes by an event. */
function examplesOf(command: CommandUnknownOpts): string[] {
  let text = '';
  (command as unknown as EventEmitter).emit('afterHelp', {
    error: false,
    command,
    write: (part: string) => (text += part),
  });
  return text.split('\n').flatMap((line) => /^ {2}(helm airgap .*)$/.exec(line)?.[1] ?? []);
}
