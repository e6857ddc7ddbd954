import { Command, Help } from 'commander';
import { bundleCommand } from './commands/bundle.ts';
import { diffCommand } from './commands/diff.ts';
import { extractCommand } from './commands/extract.ts';
import { imagesCommand } from './commands/images.ts';
import { inspectCommand } from './commands/inspect.ts';
import { postRenderCommand } from './commands/post-render.ts';
import { pushCommand } from './commands/push.ts';
import { valuesCommand } from './commands/values.ts';
import { verifyCommand } from './commands/verify.ts';
import type { Edge } from './run.ts';
import { VERSION } from './version.ts';

/** The command line: one file a command under commands/. */
export function createProgram(edge: Edge): Command {
  const program = new Command('helm airgap')
    .description('Carry Helm charts and their images into isolated networks, and prove that nothing is missing.')
    .version(VERSION, '--version', 'print the version')
    .enablePositionalOptions()
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 the answer is no, 130 interrupted.',
    );
  const makers = [
    imagesCommand,
    bundleCommand,
    inspectCommand,
    verifyCommand,
    pushCommand,
    valuesCommand,
    extractCommand,
  ];
  for (const make of [...makers, diffCommand, postRenderCommand]) program.addCommand(make(edge));
  const help = new Help();
  // Errors are thrown, not exited with; each subcommand has to be told itself.
  for (const command of [program, ...program.commands]) {
    const name = command === program ? '' : ` ${command.name()}`;
    command
      .configureHelp({ optionDescription: (option) => withoutEmptyDefault(help.optionDescription(option)) })
      .exitOverride()
      .configureOutput({ writeOut: edge.print, writeErr: edge.tell })
      .showHelpAfterError(`Hint: helm airgap${name} --help says what there is`);
  }
  return program;
}

/** What Commander says of a repeatable flag that is not given. */
function withoutEmptyDefault(description: string): string {
  return description.replace(/ ?\(default: \[\]\)$/, '');
}
