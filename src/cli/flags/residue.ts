import { basename, join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import { checkOutput } from '../../base/output-file.ts';

/** Where overrides are written, and what is done about what no value reaches. */
export interface ResidueFlags {
  out?: string;
  outDir?: string;
  residue?: 'inject' | 'post-render';
  residueMap?: string;
}

export function addResidueFlags(command: Command): Command {
  return command
    .option('--out <file>', 'write the overrides of one chart to a file')
    .addOption(
      new Option(
        '--residue <how>',
        'what to do about references that no value moves: tell operators by further variables; and a map for post-render',
      ).choices(['inject', 'post-render']),
    )
    .option('--residue-map <file>', 'where the map goes (default: beside the overrides, <name>.post-render.json)');
}

/**
 * Refuses what makes no sense together, and files that can never be written.
 * @param format of the overrides
 * @throws AirgapError `usage`, `file`
 */
export async function checkResidue(flags: ResidueFlags, format: string, cwd: string): Promise<void> {
  const { out, outDir, residue, residueMap } = flags;
  const refuse = (message: string, hint: string): never => {
    throw new AirgapError('usage', message, { hint });
  };
  if (out !== undefined && outDir !== undefined) refuse('--out is one file, --out-dir a folder', 'give one of them');
  if (residue !== 'post-render') {
    if (residueMap !== undefined) refuse('--residue-map names a map that nobody asks for', 'add --residue=post-render');
  } else if (outDir !== undefined) {
    if (residueMap !== undefined) refuse('--residue-map is one file', 'with --out-dir each chart has a map there');
  } else if (out === undefined && residueMap === undefined) {
    refuse(
      '--residue=post-render writes a map, and there is no file for it',
      'name one with --residue-map, or use --out',
    );
  }
  if (format !== 'values' && residue !== undefined) {
    refuse(`--residue does not go with --format ${format}`, 'leave one of them out');
  }
  if (out !== undefined) await checkOutput(resolve(cwd, out), '--out');
  if (residueMap !== undefined) await checkOutput(resolve(cwd, residueMap), '--residue-map');
}

/** The files of charts' overrides. Profiles other than `default` are in the files' names, and
 * of two charts with one name the later one's version. */
export class OverridesFiles {
  readonly #flags: ResidueFlags;
  readonly #cwd: string;
  readonly #names = new Map<string, string>();

  constructor(flags: ResidueFlags, cwd: string) {
    this.#flags = flags;
    this.#cwd = cwd;
  }

  /** Absolute path of the overrides; undefined when they go to standard output. */
  overrides(chart: string, version: string, profile: string): string | undefined {
    const { out, outDir } = this.#flags;
    if (outDir !== undefined) return join(resolve(this.#cwd, outDir), `${this.#name(chart, version, profile)}.yaml`);
    return out === undefined ? undefined : resolve(this.#cwd, out);
  }

  /** Absolute path of the post-renderer's map. */
  map(chart: string, version: string, profile: string): string {
    const { residueMap } = this.#flags;
    if (residueMap !== undefined) return resolve(this.#cwd, residueMap);
    return `${this.overrides(chart, version, profile)?.replace(/\.ya?ml$/, '')}.post-render.json`;
  }

  /** Its name, as the overrides mention it. */
  readonly mapName = (chart: string, version: string, profile: string): string =>
    basename(this.map(chart, version, profile));

  #name(chart: string, version: string, profile: string): string {
    const key = `${chart} ${version} ${profile}`;
    const short = profile === 'default' ? chart : `${chart}-${profile.replace(/[^\w.-]/g, '-')}`;
    const isTaken = [...this.#names.values()].includes(short);
    const name = this.#names.get(key) ?? (isTaken ? `${short}-${version}` : short);
    this.#names.set(key, name);
    return name;
  }
}
