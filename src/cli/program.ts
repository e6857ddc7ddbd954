import { Command, type CommandUnknownOpts, Help, Option } from '@commander-js/extra-typings';
import { accessCommand } from './commands/access.ts';
import { bundleCommand } from './commands/bundle.ts';
import { checkCommand } from './commands/check.ts';
import { diffCommand } from './commands/diff.ts';
import { doctorCommand } from './commands/doctor.ts';
import { extractCommand } from './commands/extract.ts';
import { imageStreamsCommand } from './commands/image-streams.ts';
import { imagesCommand } from './commands/images.ts';
import { importCommand } from './commands/import.ts';
import { inspectCommand } from './commands/inspect.ts';
import { loginCommand } from './commands/login.ts';
import { mirrorCommand } from './commands/mirror.ts';
import { postRenderCommand } from './commands/post-render.ts';
import { pruneCommand } from './commands/prune.ts';
import { publicEcrCommand } from './commands/public-ecr.ts';
import { pushCommand } from './commands/push.ts';
import { schemaCommand } from './commands/schema.ts';
import { serveCommand } from './commands/serve.ts';
import { valuesCommand } from './commands/values.ts';
import { verifyCommand } from './commands/verify.ts';
import { versionCommand } from './commands/version.ts';
import { EXIT_CODES, examples } from './help.ts';
import { PROGRESS_CHOICES, type ProgressChoice } from './progress/progress.ts';
import type { CommandIO } from './run.ts';
import { VERSION } from './version.ts';

/** Creates the command line. Each command has a file in commands/. */
export function createProgram(io: CommandIO): Command {
  const program = new Command('helm airgap')
    .description('Transfer Helm charts with all their images to isolated networks, and prove that nothing is missing.')
    .version(VERSION, '--version', 'print the version')
    .enablePositionalOptions()
    .helpCommand('help [command]', 'display help for a command')
    .addHelpText(
      'after',
      examples(
        'bundle ./app --out app.tar',
        'push app.tar --to registry.example',
        'values app --bundle app.tar --to registry.example --out app.yaml',
      ),
    );
  const factories = [
    imagesCommand,
    bundleCommand,
    inspectCommand,
    verifyCommand,
    loginCommand,
    pushCommand,
    serveCommand,
    mirrorCommand,
    valuesCommand,
    checkCommand,
    pruneCommand,
    accessCommand,
    publicEcrCommand,
    imageStreamsCommand,
    extractCommand,
    importCommand,
    doctorCommand,
    schemaCommand,
  ];
  for (const create of [...factories, diffCommand, postRenderCommand, versionCommand]) program.addCommand(create(io));
  const commands = program.commands.flatMap((command) => [command, ...command.commands]);
  // A command with subcommands does nothing by itself.
  for (const command of commands) if (command.commands.length === 0) addProgressFlags(command, io);
  const help = new Help();
  // These settings are not inherited by subcommands.
  for (const command of [program, ...commands]) {
    command
      .configureHelp({ optionDescription: (option) => withoutEmptyDefault(help.optionDescription(option)) })
      .exitOverride()
      .configureOutput({ writeOut: io.print, writeErr: (text) => io.fail(text, 'usage') })
      .showHelpAfterError(`Hint: see ${commandPath(command)} --help`)
      .addHelpText('after', EXIT_CODES);
  }
  return program;
}

/** Returns the words of a command: `helm airgap access export`. */
function commandPath(command: CommandUnknownOpts): string {
  return command.parent === null ? command.name() : `${commandPath(command.parent)} ${command.name()}`;
}

/** Adds the flags that every command has. */
function addProgressFlags(command: CommandUnknownOpts, io: CommandIO): void {
  command
    .optionsGroup('Progress:')
    .addOption(
      new Option('--progress <kind>', 'progress on stderr: redrawn in a terminal, plain lines, JSON lines, or none')
        .choices(PROGRESS_CHOICES)
        .default('auto'),
    )
    .option('-q, --quiet', 'print only the result, warnings and errors')
    .hook('preAction', () => {
      const { progress, quiet } = command.opts() as { readonly progress: ProgressChoice; readonly quiet?: true };
      io.showProgress({ choice: progress, isQuiet: quiet ?? false });
    });
}

/** Removes the default that Commander shows for repeatable flags. */
function withoutEmptyDefault(description: string): string {
  return description.replace(/ ?\(default: \[\]\)$/, '');
}
