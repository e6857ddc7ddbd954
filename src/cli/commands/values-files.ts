import { basename, dirname, resolve } from 'node:path';
import { pathInside, UniqueFileNames } from '../../base/file-names.ts';
import { toFileName } from '../../base/names.ts';
import { checkReplaceable, makeFolder, type Replaceable, writeOutput } from '../../base/output-file.ts';
import { SECRET_FILE } from '../../base/own-file.ts';
import type { Overrides, ValuesOptions } from '../../workflows/values/values.ts';
import { type FormatFlags, UNMAPPED_FILES, type UnmappedFlags } from '../flags/overrides.ts';
import { displayPath } from '../reports/text.ts';

/** Flags that name the files. */
type OverridesPaths = Pick<FormatFlags, 'out' | 'outDir'> & Omit<UnmappedFlags, 'inject'>;

/**
 * Paths of overrides files. Names include profiles other than `default`, and the version if a chart occurs in several.
 */
export class OverridesFiles {
  readonly #flags: OverridesPaths;
  readonly #cwd: string;
  readonly #names = new Map<string, string>();
  readonly #files = new UniqueFileNames();
  /** Charts that occur in several versions. */
  #multiVersion: ReadonlySet<string> = new Set();

  constructor(flags: OverridesPaths, cwd: string) {
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
  unmappedFile(how: keyof typeof UNMAPPED_FILES, chart: string, version: string, profile: string): string {
    const { key, extension } = UNMAPPED_FILES[how];
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

/** A file to write. */
interface OutputFile extends Replaceable {
  readonly path: string;
  readonly content: string | Buffer;
  /** Mode of a file that may hold secrets. */
  readonly mode?: number;
}

const OVERRIDES: Replaceable = {
  isOurs: (existing) => existing.toString().startsWith('# Overrides for chart '),
  what: 'file of overrides',
};
const MAP = /^\{\s*"apiVersion": "airgap\/[^"]*",\s*"kind": "PostRenderMap"/;

/** Checks before the work that `--out` overwrites no other file. @throws AirgapError `output-exists`, `file` */
export async function checkOut(files: OverridesFiles): Promise<void> {
  const path = files.outFile();
  if (path !== undefined) await checkReplaceable(path, OVERRIDES);
}

/**
 * Writes overrides, and the maps and charts that they need. Overwrites only files of earlier runs.
 * @param report receives a line for each file
 * @throws AirgapError `output-exists`, `no-space`, `file`
 */
export async function writeOverrides(
  results: readonly Overrides[],
  files: OverridesFiles,
  cwd: string,
  report: (line: string) => void,
): Promise<void> {
  files.expect(results);
  const outputs = results.flatMap((result) => outputFiles(result, files));
  for (const output of outputs) await checkReplaceable(output.path, output);
  for (const { path, content, mode } of outputs) {
    await makeFolder(dirname(path));
    await writeOutput(path, content, mode);
    report(`${displayPath(path, cwd)} written`);
  }
}

/** Maps and charts come first: overrides must not exist without the files that they need. */
function outputFiles(result: Overrides, files: OverridesFiles): OutputFile[] {
  const { chart, version, profile, yaml, copied, postRenderMap, changedChart } = result;
  const outputs: OutputFile[] = [];
  const add = (path: string, content: string | Buffer, isOurs: OutputFile['isOurs'], what: string): void => {
    outputs.push({ path, content, isOurs, what });
  };
  if (postRenderMap !== undefined) {
    const path = files.unmappedFile('post-render', chart, version, profile);
    add(path, postRenderMap.text, (existing) => MAP.test(existing.toString()), 'post-renderer map');
  }
  if (changedChart !== undefined) {
    const path = files.unmappedFile('repack', chart, version, profile);
    const isOurs = async (): Promise<boolean> => (await import('../../helm/chart-edit.ts')).isChangedChart(path);
    add(path, changedChart.archive, isOurs, 'chart with changed templates');
  }
  const overrides = files.overrides(chart, version, profile);
  if (overrides !== undefined) {
    const secret = copied.length === 0 ? {} : { mode: SECRET_FILE };
    outputs.push({ path: overrides, content: yaml, ...OVERRIDES, ...secret });
  }
  return outputs;
}
