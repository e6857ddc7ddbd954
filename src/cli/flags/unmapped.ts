import { basename, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import { pathInside, UniqueFileNames } from '../../base/file-names.ts';
import { toFileName } from '../../base/names.ts';
import { checkFolder, checkWritable } from '../../base/output-file.ts';
import type { ValuesOptions } from '../../workflows/values/values.ts';

/** Flags for the files of overrides and for unmapped references. */
export interface UnmappedFlags {
  out?: string;
  outDir?: string;
  residue?: 'inject' | 'post-render' | 'repack';
  /** Commander's name for `--no-inject`. */
  inject: boolean;
  residueMap?: string;
  residueChart?: string;
}

export function addUnmappedFlags(command: Command): Command {
  return command
    .optionsGroup('Unmapped references (no value redirects them):')
    .addOption(
      new Option(
        '--unmapped, --residue <how>',
        'inject, the default: set variables and arguments of operators; post-render: also write a map for helm airgap post-render; repack: also write a changed chart',
      ).choices(['inject', 'post-render', 'repack']),
    )
    .option('--no-inject', 'do not add variables or arguments for images that operators deploy')
    .addOption(
      fileOption('--unmapped-map', 'residueMap', 'path of the map (default: <name>.post-render.json next to --out)'),
    )
    .addOption(fileOption('--residue-map', 'residueMap', 'older name of --unmapped-map').hideHelp())
    .addOption(
      fileOption('--unmapped-chart', 'residueChart', 'path of the changed chart (default: <name>.tgz next to --out)'),
    )
    .addOption(fileOption('--residue-chart', 'residueChart', 'older name of --unmapped-chart').hideHelp());
}

/**
 * Returns an option that stores its value under a given key, so that two names set the same value. Both names in one
 * option would make the help wider than 80 columns.
 */
function fileOption(flag: string, key: keyof UnmappedFlags, description: string): Option {
  return Object.assign(new Option(`${flag} <file>`, description), { attributeName: () => key });
}

/** File that each mode writes, with the flag that names it. */
const FILES = {
  'post-render': { flag: '--unmapped-map', key: 'residueMap', what: 'a map', extension: '.post-render.json' },
  repack: { flag: '--unmapped-chart', key: 'residueChart', what: 'a chart', extension: '.tgz' },
} as const;

/**
 * Checks the combination of flags and that the files can be written.
 * @param format of the overrides
 * @throws AirgapError `usage`, `file`, `no-space`, `output-exists`
 */
export async function checkUnmappedFlags(flags: UnmappedFlags, format: string, cwd: string): Promise<void> {
  const { out, outDir, residue: unmapped } = flags;
  const refuse = (message: string, hint: string): never => {
    throw new AirgapError('usage', message, { hint });
  };
  if (out !== undefined && outDir !== undefined) refuse('--out cannot be used with --out-dir', 'leave one of them out');
  if (unmapped === 'inject' && !flags.inject)
    refuse('--unmapped=inject cannot be used with --no-inject', 'leave one of them out');
  for (const [how, { flag, key, what }] of Object.entries(FILES)) {
    const file = flags[key];
    if (unmapped !== how) {
      if (file !== undefined) refuse(`${flag} needs --unmapped=${how}`, `add --unmapped=${how}, or leave ${flag} out`);
    } else if (outDir !== undefined) {
      if (file !== undefined)
        refuse(`${flag} is one file`, `leave it out: with --out-dir each chart gets ${what} in that folder`);
    } else if (out === undefined && file === undefined) {
      refuse(`--unmapped=${how} writes ${what} and needs a path for it`, `set it with ${flag}, or use --out`);
    }
    if (file !== undefined) await checkWritable(resolve(cwd, file), flag);
  }
  if (format !== 'values' && unmapped !== undefined) {
    refuse(`--unmapped cannot be used with --format ${format}`, 'leave one of them out');
  }
  if (out !== undefined) await checkWritable(resolve(cwd, out), '--out');
  if (outDir !== undefined) await checkFolder(resolve(cwd, outDir), '--out-dir');
}

/**
 * Paths of overrides files. Names include profiles other than `default`, and the version if a chart occurs in several.
 */
export class OverridesFiles {
  readonly #flags: Omit<UnmappedFlags, 'inject'>;
  readonly #cwd: string;
  readonly #names = new Map<string, string>();
  readonly #files = new UniqueFileNames();
  /** Charts that occur in several versions. */
  #multiVersion: ReadonlySet<string> = new Set();

  constructor(flags: Omit<UnmappedFlags, 'inject'>, cwd: string) {
    this.#flags = flags;
    this.#cwd = cwd;
  }

  /** Registers all charts, before the first path is requested. */
  expect(charts: readonly { readonly chart: string; readonly version: string }[]): void {
    const versions = Map.groupBy(charts, ({ chart }) => chart);
    const isMultiVersion = ([, group]: [string, typeof charts]): boolean =>
      new Set(group.map(({ version }) => version)).size > 1;
    this.#multiVersion = new Set([...versions].filter(isMultiVersion).map(([chart]) => chart));
  }

  /** Returns the absolute path of the overrides; undefined if they go to standard output. */
  overrides(chart: string, version: string, profile: string): string | undefined {
    const { outDir } = this.#flags;
    if (outDir !== undefined) {
      return pathInside(resolve(this.#cwd, outDir), `${this.#name(chart, version, profile)}.yaml`);
    }
    return this.outFile();
  }

  /** Returns the absolute path that `--out` names; undefined without it. */
  outFile(): string | undefined {
    const { out } = this.#flags;
    return out === undefined ? undefined : resolve(this.#cwd, out);
  }

  /** Returns the absolute path of the post-renderer map or the changed chart. */
  unmappedFile(how: keyof typeof FILES, chart: string, version: string, profile: string): string {
    const { key, extension } = FILES[how];
    const file = this.#flags[key];
    if (file !== undefined) return resolve(this.#cwd, file);
    return `${this.overrides(chart, version, profile)?.replace(/\.ya?ml$/, '')}${extension}`;
  }

  /** Returns the mode and file name for the workflow; undefined if neither a map nor a chart is requested. */
  unmappedOutput(): ValuesOptions['unmappedHandling'] {
    const { residue: how } = this.#flags;
    if (how === undefined || how === 'inject') return undefined;
    return {
      how,
      expect: (charts) => this.expect(charts),
      fileName: (chart, version, profile) => basename(this.unmappedFile(how, chart, version, profile)),
    };
  }

  #name(chart: string, version: string, profile: string): string {
    const key = JSON.stringify([chart, version, profile]);
    const parts = profile === 'default' ? [chart] : [chart, profile];
    const short = this.#multiVersion.has(chart) ? [] : [toFileName(...parts)];
    const name = this.#names.get(key) ?? this.#files.take(...short, toFileName(...parts, version));
    this.#names.set(key, name);
    return name;
  }
}
