import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { yamlText } from '../../src/base/yaml-text.ts';

/**
 * Returns completion.yaml, by which Helm completes the names of commands without starting the plugin. For flags and arguments it
 * runs plugin.complete, which it does not do for flags that this file has.
 */
export function completionFile(program: CommandUnknownOpts): string {
  const commands = program.commands.map(entry);
  const names = commands.map(({ name }) => name);
  return `# Made from the commands by npm run generate. Flags and arguments: plugin.complete.
${yamlText({ name: 'airgap', flags: ['version'], commands: [...commands, { name: 'help', validArgs: names }] })}`;
}

function entry(command: CommandUnknownOpts): { readonly name: string } {
  const { commands } = command;
  return { name: command.name(), ...(commands.length > 0 && { commands: commands.map(entry) }) };
}
