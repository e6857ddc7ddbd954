import { basename, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import { FileNames, pathInside } from '../../base/file-names.ts';
import { toFileName } from '../../base/names.ts';
import { checkFolder, checkWritable } from '../../base/output-file.ts';
import type { ValuesOptions } from '../../workflows/values.ts';

/** Where overrides are written, and what is done about what no value reaches. */
export interface ResidueFlags {
  out?: string;
  outDir?: string;
  residue?: 'inject' | 'post-render' | 'repack';
  /** Commander's name for `--no-inject`. */
  inject: boolean;
  residueMap?: string;
  residueChart?: string;
}

export function addResidueFlags(command: Command): Command {
  return command
    .option('--out <file>', 'write the overrides of one chart to a file')
    .addOption(
      new Option(
        '--residue <how>',
        'what to do about references that no value moves: a map for post-render, or a changed chart; inject alone is the default',
      ).choices(['inject', 'post-render', 'repack']),
    )
    .option('--no-inject', 'give operators no further variables or arguments for the images that they choose')
    .option('--residue-map <file>', 'where the map goes (default: beside the overrides, <name>.post-render.json)')
    .option('--residue-chart <file>', 'where the changed chart goes (default: beside the overrides, <name>.tgz)');
}

/** What each way besides values writes, and where. */
const FILES = {
  'post-render': { flag: '--residue-map', key: 'residueMap', what: 'a map', end: '.post-render.json' },
  repack: { flag: '--residue-chart', key: 'residueChart', what: 'a chart', end: '.tgz' },
} as const;

/**
 * Refuses what makes no sense together, and files that can never be written.
 * @param format of the overrides
 * @throws AirgapError `usage`, `file`, `no-space`, `output-exists`
 */
export async function checkResidue(flags: ResidueFlags, format: string, cwd: string): Promise<void> {
  const { out, outDir, residue } = flags;
  const refuse = (message: string, hint: string): never => {
    throw new AirgapError('usage', message, { hint });
  };
  if (out !== undefined && outDir !== undefined) refuse('--out is one file, --out-dir a folder', 'give one of them');
  if (residue === 'inject' && !flags.inject)
    refuse('--residue=inject does not go with --no-inject', 'leave one of them out');
  for (const [how, { flag, key, what }] of Object.entries(FILES)) {
    const file = flags[key];
    if (residue !== how) {
      if (file !== undefined) refuse(`${flag} names ${what} that nobody asks for`, `add --residue=${how}`);
    } else if (outDir !== undefined) {
      if (file !== undefined) refuse(`${flag} is one file`, `with --out-dir each chart has ${what} there`);
    } else if (out === undefined && file === undefined) {
      refuse(`--residue=${how} writes ${what}, and there is no file for it`, `name one with ${flag}, or use --out`);
    }
    if (file !== undefined) await checkWritable(resolve(cwd, file), flag);
  }
  if (format !== 'values' && residue !== undefined) {
    refuse(`--residue does not go with --format ${format}`, 'leave one of them out');
  }
  if (out !== undefined) await checkWritable(resolve(cwd, out), '--out');
  if (outDir !== undefined) await checkFolder(resolve(cwd, outDir), '--out-dir');
}

/**
 * The files of charts' overrides. Profiles other than `default` are in the files' names, and the versions of a chart that
 * is there in several.
 */
export class OverridesFiles {
  readonly #flags: Omit<ResidueFlags, 'inject'>;
  readonly #cwd: string;
  readonly #names = new Map<string, string>();
  readonly #files = new FileNames();
  #several: ReadonlySet<string> = new Set();

  constructor(flags: Omit<ResidueFlags, 'inject'>, cwd: string) {
    this.#flags = flags;
    this.#cwd = cwd;
  }

  /** Tells of all charts, before the first file is named. */
  expect(charts: readonly { readonly chart: string; readonly version: string }[]): void {
    const versions = Map.groupBy(charts, ({ chart }) => chart);
    const isSeveral = ([, all]: [string, typeof charts]): boolean => new Set(all.map((one) => one.version)).size > 1;
    this.#several = new Set([...versions].filter(isSeveral).map(([chart]) => chart));
  }

  /** Absolute path of the overrides; undefined when they go to standard output. */
  overrides(chart: string, version: string, profile: string): string | undefined {
    const { outDir } = this.#flags;
    if (outDir !== undefined) {
      return pathInside(resolve(this.#cwd, outDir), `${this.#name(chart, version, profile)}.yaml`);
    }
    return this.single();
  }

  /** Absolute path of the one file that `--out` names; undefined without it. */
  single(): string | undefined {
    const { out } = this.#flags;
    return out === undefined ? undefined : resolve(this.#cwd, out);
  }

  /** Absolute path of the post-renderer's map, or of the changed chart. */
  residue(how: keyof typeof FILES, chart: string, version: string, profile: string): string {
    const { key, end } = FILES[how];
    const file = this.#flags[key];
    if (file !== undefined) return resolve(this.#cwd, file);
    return `${this.overrides(chart, version, profile)?.replace(/\.ya?ml$/, '')}${end}`;
  }

  /** Its name, as the overrides mention it; undefined when nothing of that kind is asked for. */
  residueFile(): ValuesOptions['residue'] {
    const { residue: how } = this.#flags;
    if (how === undefined || how === 'inject') return undefined;
    return {
      how,
      expect: (charts) => this.expect(charts),
      fileName: (chart, version, profile) => basename(this.residue(how, chart, version, profile)),
    };
  }

  #name(chart: string, version: string, profile: string): string {
    const key = JSON.stringify([chart, version, profile]);
    const parts = profile === 'default' ? [chart] : [chart, profile];
    const short = this.#several.has(chart) ? [] : [toFileName(...parts)];
    const name = this.#names.get(key) ?? this.#files.take(...short, toFileName(...parts, version));
    this.#names.set(key, name);
    return name;
  }
}
