import { readdir, readFile, stat } from 'node:fs/promises';
import { join, posix, resolve } from 'node:path';
import { formatPath, type KeyPath } from '../../base/field-path.ts';
import { readChartFiles } from '../../helm/chart-files.ts';
import type { Chart } from '../../helm/fetch.ts';
import type { RenderOptions } from '../../helm/render.ts';
import { type ChartFolder, chartFolders } from '../../helm/subcharts.ts';
import { setKeys } from '../../inventory/values-origin.ts';
import { ValuesFile, type ValuesFileOrigin, type ValuesScalar } from './values-file.ts';

/** A values file, and the keys below which its values are in those of the chart. */
interface Layer {
  readonly prefix: KeyPath;
  readonly file: ValuesFile;
}

/** A scalar in the file that decides it. */
export interface LocatedScalar extends ValuesScalar {
  readonly file: ValuesFile;
  /** Keys in that file. */
  readonly keys: KeyPath;
}

/** The files of a chart: its values, those of its subcharts, and templates. */
export class ChartValues {
  readonly #layers: readonly Layer[];
  readonly #templates: ReadonlyMap<string, string>;
  readonly #originOf: (path: string) => Promise<ValuesFileOrigin>;
  /** Absolute path of the chart's folder; undefined for archives and addresses. */
  readonly folder: string | undefined;

  private constructor(
    layers: readonly Layer[],
    templates: ReadonlyMap<string, string>,
    originOf: (path: string) => Promise<ValuesFileOrigin>,
    folder: string | undefined,
  ) {
    this.#layers = layers;
    this.#templates = templates;
    this.#originOf = originOf;
    this.folder = folder;
  }

  /** Reads the files of a fetched chart. @param cwd base of relative paths (absolute) */
  static async read(chart: Chart, cwd: string): Promise<ChartValues> {
    const files = await readChartFiles(chart.archive, CHART_FILES);
    const folder = await folderOf(chart, cwd);
    const folders = chartFolders(files);
    const originOf = (path: string) => originIn(chart, folder, cwd, folders, path);
    const layers: Layer[] = [];
    for (const { root, prefixes } of folders) {
      const text = files.get(`${root}values.yaml`);
      if (text === undefined) continue;
      const file = new ValuesFile(await originOf(`${root}values.yaml`), text);
      layers.push(...prefixes.map((prefix) => ({ prefix, file })));
    }
    const templates = new Map([...files].filter(([path]) => path.includes('templates/')));
    return new ChartValues(layers, templates, originOf, folder);
  }

  /**
   * Returns a function that finds the scalar which decides a leaf of the coalesced values; a text instead says why there
   * is none that a file could change.
   * @param cwd base of relative paths (absolute)
   */
  async finder(
    options: RenderOptions,
    cwd: string,
  ): Promise<(keys: KeyPath, isRight: (text: string) => boolean) => LocatedScalar | string> {
    const given = await givenFiles(options, cwd);
    const layers = [...given.map((file) => ({ prefix: [], file })), ...this.#layers];
    const set = setKeys(options);
    return (keys, isRight) => {
      const name = formatPath(keys);
      const flag = set.find(({ key }) => name === key || name.startsWith(`${key}.`) || name.startsWith(`${key}[`));
      if (flag !== undefined) return `${name} is set by ${flag.flag}`;
      for (const { prefix, file } of layers) {
        if (!prefix.every((key, i) => keys[i] === key)) continue;
        const inFile = keys.slice(prefix.length);
        const scalar = file.scalarAt(inFile);
        if (scalar !== undefined && isRight(scalar.text)) return { ...scalar, file, keys: inFile };
      }
      return `no values file has ${name} as a text of its own`;
    };
  }

  /**
   * Returns the place of a literal in a template.
   * @param template path as Helm prints it, `chart/templates/x.yaml`
   * @returns undefined if the template does not contain the text, such as one that a helper builds
   */
  async literalIn(template: string, text: string): Promise<(ValuesFileOrigin & { readonly line: number }) | undefined> {
    const path = template.slice(template.indexOf('/') + 1);
    const lines = this.#templates.get(path)?.split('\n') ?? [];
    const line = lines.findIndex((content) => content.includes(text));
    return line < 0 ? undefined : { ...(await this.#originOf(path)), line: line + 1 };
  }
}

const CHART_FILES = /^(?:charts\/[^/]+\/)*(?:Chart\.yaml|requirements\.yaml|values\.yaml|templates\/.*)$/;

async function givenFiles({ values = [] }: RenderOptions, cwd: string): Promise<ValuesFile[]> {
  const local = values.filter((path) => !/^[a-z][a-z0-9+.-]*:\/\//i.test(path)).map((path) => resolve(cwd, path));
  const files = await Promise.all(local.map(async (file) => new ValuesFile({ file }, await readFile(file, 'utf8'))));
  return files.reverse();
}

/** Returns the absolute path of a chart that is a folder; undefined for others. */
async function folderOf({ request: { chart, repo } }: Chart, cwd: string): Promise<string | undefined> {
  const path = resolve(cwd, chart);
  return repo === undefined && (await isOfKind(path, 'isDirectory')) ? path : undefined;
}

async function isOfKind(path: string, kind: 'isDirectory' | 'isFile'): Promise<boolean> {
  return stat(path).then(
    (info) => info[kind](),
    () => false,
  );
}

/** Returns where a file of the chart is on disk. @param path in the chart, `charts/sub/values.yaml` */
async function originIn(
  { request, source, root }: Chart,
  folder: string | undefined,
  cwd: string,
  folders: readonly ChartFolder[],
  path: string,
): Promise<ValuesFileOrigin> {
  if (folder === undefined) {
    const archive = resolve(cwd, request.chart);
    const isLocal = request.repo === undefined && (await isOfKind(archive, 'isFile'));
    return { file: isLocal ? archive : source, inArchive: `${root}/${path}` };
  }
  if (await isOfKind(join(folder, path), 'isFile')) return { file: join(folder, path) };
  const subchart = /^charts\/([^/]+)\/(.*)$/.exec(path);
  const [, name = '', rest = ''] = subchart ?? [];
  const local = folders.find((candidate) => candidate.root === `charts/${name}/`)?.repository;
  const neighbour = local?.startsWith('file://') ? resolve(folder, local.slice('file://'.length), rest) : undefined;
  if (neighbour !== undefined && (await isOfKind(neighbour, 'isFile'))) return { file: neighbour };
  const entries = await readdir(join(folder, 'charts')).catch(() => []);
  const archive = entries.find((entry) => entry.startsWith(`${name}-`) && entry.endsWith('.tgz'));
  return archive === undefined
    ? { file: folder, inArchive: path }
    : { file: join(folder, 'charts', archive), inArchive: posix.join(name, rest) };
}
