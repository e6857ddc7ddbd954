import { Command, type CommandUnknownOpts, Help, Option } from '@commander-js/extra-typings';
import { EXIT_CODES, examples, withoutEmptyDefault } from './help.ts';
import { PROGRESS_CHOICES, type ProgressChoice } from './progress/progress.ts';
import type { CommandIO } from './run.ts';
import { VERSION } from './version.ts';

/** Columns of a help that is not for a terminal. */
const HELP_WIDTH = 80;

/** Creates a command with its flags. */
type CreateCommand = (io: CommandIO) => CommandUnknownOpts;

interface CommandEntry {
  readonly name: string;
  readonly description: string;
  readonly load: () => Promise<CreateCommand>;
  /** Commands to type next, with those flags of this one that they have too (`flagsOfCommand`). */
  readonly next?: readonly string[];
}

/** Commands, in the order of the help. */
const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'images',
    description: 'list every image that charts need, and where each was found',
    load: async () => (await import('./commands/images.ts')).imagesCommand,
    next: ['bundle'],
  },
  {
    name: 'bundle',
    description: 'bundle charts and all their images into one file',
    load: async () => (await import('./commands/bundle.ts')).bundleCommand,
  },
  {
    name: 'inspect',
    description: 'show the content of a bundle, and where each image is needed',
    load: async () => (await import('./commands/inspect.ts')).inspectCommand,
  },
  {
    name: 'verify',
    description: 'check every byte of a bundle offline, or the content that a push left in a registry',
    load: async () => (await import('./commands/verify.ts')).verifyCommand,
  },
  {
    name: 'sign',
    description: 'check every byte of a bundle offline, and add a signature to it',
    load: async () => (await import('./commands/sign.ts')).signCommand,
  },
  {
    name: 'login',
    description: 'log in to a registry, for Helm, Docker and this plugin; ECR by AWS credentials',
    load: async () => (await import('./commands/login.ts')).loginCommand,
  },
  {
    name: 'push',
    description: 'push bundles and charts to private registries',
    load: async () => (await import('./commands/push.ts')).pushCommand,
    next: ['values'],
  },
  {
    name: 'serve',
    description: 'serve bundles as a read-only registry, where there is none yet',
    load: async () => (await import('./commands/serve.ts')).serveCommand,
  },
  {
    name: 'mirror',
    description: 'copy charts, images or whole repositories from registries to private registries, without a file',
    load: async () => (await import('./commands/mirror.ts')).mirrorCommand,
    next: ['values'],
  },
  {
    name: 'values',
    description: 'write values that redirect all images of a chart to a private registry, proved by rendering',
    load: async () => (await import('./commands/values.ts')).valuesCommand,
    next: ['push', 'check'],
  },
  {
    name: 'check',
    description: 'check before an install whether the nodes would get every image, and say which Pods would not',
    load: async () => (await import('./commands/check.ts')).checkCommand,
    next: ['push', 'values'],
  },
  {
    name: 'prune',
    description: 'find what nothing needs in a registry, and delete what a reviewed list names',
    load: async () => (await import('./commands/prune.ts')).pruneCommand,
  },
  {
    name: 'access',
    description: 'carry accounts, organizations, teams and rights from one registry to another',
    load: async () => (await import('./commands/access.ts')).accessCommand,
  },
  {
    name: 'public-ecr',
    description: 'find images that are also in Amazon ECR Public, and the lines that name them',
    load: async () => (await import('./commands/public-ecr.ts')).publicEcrCommand,
    next: ['mirror'],
  },
  {
    name: 'image-streams',
    description: 'classify the tags of exported image streams of OpenShift, and show which have to be moved',
    load: async () => (await import('./commands/image-streams.ts')).imageStreamsCommand,
    next: ['mirror'],
  },
  {
    name: 'extract',
    description: 'extract a chart, or an image as an OCI archive, from a bundle',
    load: async () => (await import('./commands/extract.ts')).extractCommand,
  },
  {
    name: 'init',
    description: 'write a commented airgap.yaml for charts, or for the releases of a cluster',
    load: async () => (await import('./commands/init.ts')).initCommand,
  },
  {
    name: 'import',
    description: 'turn lists of other tools and of scripts, and env files of registries, into an airgap.yaml',
    load: async () => (await import('./commands/import.ts')).importCommand,
  },
  {
    name: 'doctor',
    description: 'check what a push and a pull need before they run: network, clock, login, rights; change nothing',
    load: async () => (await import('./commands/doctor.ts')).doctorCommand,
  },
  {
    name: 'schema',
    description: 'print the JSON Schema of airgap.yaml or of another document, for editors and checks',
    load: async () => (await import('./commands/schema.ts')).schemaCommand,
  },
  {
    name: 'diff',
    description: 'compare two bundles, and show how much content is new',
    load: async () => (await import('./commands/diff.ts')).diffCommand,
  },
  {
    name: 'post-render',
    description: 'Helm post-renderer: rewrite unmapped references in manifests, from stdin to stdout',
    load: async () => (await import('./commands/post-render.ts')).postRenderCommand,
  },
  {
    name: 'version',
    description: 'print the versions of this plugin, Node.js and Helm, for bug reports',
    load: async () => (await import('./commands/version.ts')).versionCommand,
  },
];

/**
 * Reads the commands that words of a command line name, or all. Each has a file in commands/; to read all of them takes most
 * of the time of a start.
 */
export async function readCommands(words?: readonly string[]): Promise<ReadonlyMap<string, CreateCommand>> {
  const named = COMMANDS.filter(({ name }) => words?.includes(name) ?? true);
  const names = new Set(named.flatMap(({ name, next = [] }) => [name, ...next]));
  const needed = COMMANDS.filter(({ name }) => names.has(name));
  return new Map(await Promise.all(needed.map(async ({ name, load }) => [name, await load()] as const)));
}

/** Creates the command line. Commands that were not read have a name and a description, for the help. */
export function createProgram(io: CommandIO, commands: ReadonlyMap<string, CreateCommand>): Command {
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
  for (const { name, description } of COMMANDS) {
    const command: CommandUnknownOpts = commands.get(name)?.(io) ?? new Command(name);
    program.addCommand(command.description(description));
  }
  const read = program.commands
    .filter((command) => commands.has(command.name()))
    .flatMap((command) => [command, ...command.commands]);
  // A command with subcommands does nothing by itself.
  for (const command of read) if (command.commands.length === 0) addProgressFlags(command, io);
  const help = new Help();
  // These settings are not inherited by subcommands.
  for (const command of [program, ...read]) {
    command
      .configureHelp({
        // Below this width Commander does not wrap descriptions; some flags have cosign's long names.
        minWidthToWrap: 24,
        optionDescription: (option) => withoutEmptyDefault(help.optionDescription(option)),
        // Commands that were not read have no arguments to show.
        subcommandTerm: (subcommand) => subcommand.name(),
      })
      .exitOverride()
      .configureOutput({
        writeOut: io.print,
        writeErr: (text) => io.fail(text, 'usage'),
        // Commander would open the standard streams to ask them.
        getOutHelpWidth: () => io.columns() ?? HELP_WIDTH,
        getErrHelpWidth: () => io.columns() ?? HELP_WIDTH,
        getOutHasColors: () => false,
        getErrHasColors: () => false,
      })
      .showHelpAfterError(`Hint: see ${commandPath(command)} --help`)
      .addHelpText('after', EXIT_CODES);
  }
  return program;
}

/** Creates the command line with the commands that its words name. */
export async function loadProgram(io: CommandIO, words: readonly string[]): Promise<Command> {
  return createProgram(io, await readCommands(words));
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
