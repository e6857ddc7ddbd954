import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';
import { count } from '../../base/count.ts';
import { AirgapError, asAirgapError, combine } from '../../base/errors.ts';
import { reasonOf } from '../../base/file-failure.ts';
import { quoted } from '../../base/printable.ts';
import { relativePath } from '../../base/relative-path.ts';
import {
  type ListContent,
  type ListedChart,
  type ListFormat,
  MAX_LIST_SIZE,
  type NotTaken,
  type Place,
  readList,
  type Variables,
} from '../../lists/index.ts';
import type { Context } from '../../session/context.ts';
import { type ImportedConfig, importedConfig } from './imported-config.ts';

export interface ImportOptions {
  /** Lists in the order of the command line; `-` is standard input. */
  readonly files: readonly string[];
  /** Form of all lists; by default each one's content says. */
  readonly format?: ListFormat | undefined;
  readonly variables: Variables;
  /** Folder of the configuration file, the base of its relative paths. */
  readonly folder: string;
}

export interface ImportResult {
  readonly lists: readonly {
    readonly file: string;
    readonly format: ListFormat;
    readonly charts: number;
    readonly images: number;
  }[];
  readonly config: ImportedConfig;
  readonly notTaken: readonly NotTaken[];
}

/** Command I/O that reads standard input. */
type ImportContext = Context & { readonly readInput: () => Promise<Uint8Array> };

/**
 * Reads lists of charts, images and registries, and returns what they name together.
 * @throws AirgapError `config` with file and line of each problem in any of them
 */
export async function importLists(context: ImportContext, options: ImportOptions): Promise<ImportResult> {
  const problems: AirgapError[] = [];
  const lists: { readonly file: string; readonly content: ListContent }[] = [];
  for (const file of new Set(options.files)) {
    try {
      const bytes = file === '-' ? await context.readInput() : await readFileOf(resolve(context.cwd, file), file);
      const { format, variables } = options;
      const content = readList(bytes, { file: file === '-' ? 'standard input' : file, format, variables });
      const folder = file === '-' ? context.cwd : dirname(resolve(context.cwd, file));
      lists.push({ file, content: await withPaths(content, folder, context.cwd, options.folder, problems) });
    } catch (error) {
      const failure = asAirgapError(error);
      problems.push(...(failure.causes.length === 0 ? [failure] : failure.causes));
    }
  }
  if (problems.length > 0)
    throw combine(problems, `${count(problems.length, 'problem')} in the lists; nothing was written`);
  const { config, notTaken } = importedConfig(lists.map(({ content }) => content));
  checkDestinations(config.to);
  const all = [...lists.flatMap(({ content }) => content.notTaken), ...notTaken];
  const { charts, images, manifests, kustomize, from, to } = config;
  const taken = [charts, images, manifests, kustomize, from, to];
  if (taken.every((entries) => entries.length === 0)) throw nothingTaken(all);
  return {
    lists: lists.map(({ file, content: { format, charts, images } }) => ({
      file,
      format,
      charts: charts.length,
      images: images.length,
    })),
    config,
    notTaken: all,
  };
}

/** Everything would go to each of several destinations. @throws AirgapError `config` */
function checkDestinations([first, other]: ImportedConfig['to']): void {
  if (first === undefined || other === undefined) return;
  const { file, line } = other.place;
  const known = `${first.place.file}:${first.place.line}`;
  throw new AirgapError('config', `the destination ${quoted(other.value)} is another than that in ${known}`, {
    subject: `${file}:${line}`,
    hint: 'import the files of each destination into an airgap.yaml of its own',
  });
}

/** Names what is in lists of which nothing can be bundled. */
function nothingTaken(notTaken: readonly NotTaken[]): AirgapError {
  const causes = notTaken.map(
    ({ what, place: { file, line } }) =>
      new AirgapError('config', `not taken: ${what}`, { subject: `${file}:${line}` }),
  );
  return combine(causes, 'the lists name nothing that a bundle can hold');
}

/** Reads a file, and one byte more than a list may have. */
async function readFileOf(path: string, shown: string): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of createReadStream(path, { end: MAX_LIST_SIZE })) chunks.push(chunk as Buffer);
  } catch (cause) {
    throw new AirgapError('config', `${quoted(shown)} cannot be read: ${reasonOf(cause)}`, {
      hint: 'check the path of the list',
      cause,
    });
  }
  return Buffer.concat(chunks);
}

/** Makes the paths of a list relative to the configuration file. Reports what does not exist. */
async function withPaths(
  content: ListContent,
  folder: string,
  cwd: string,
  outFolder: string,
  problems: AirgapError[],
): Promise<ListContent> {
  const locate = async (path: string, { file, line }: Place): Promise<string> => {
    // Hauler's paths are relative to the folder where it runs, those of the other tools to the list.
    for (const base of [folder, cwd]) {
      const found = resolve(base, path);
      if (await exists(found)) return isAbsolute(path) ? path : relativePath(outFolder, found);
    }
    const hint = 'paths are relative to the list, or to the working folder';
    problems.push(new AirgapError('config', `${quoted(path)} does not exist`, { subject: `${file}:${line}`, hint }));
    return path;
  };
  const locateChart = async (chart: ListedChart): Promise<ListedChart> => ({
    ...chart,
    ...(chart.isPath && { chart: await locate(chart.chart, chart.place) }),
    values: await Promise.all(chart.values.map((path) => locate(path, chart.place))),
  });
  const locateAll = (sources: ListContent['manifests']): Promise<ListContent['manifests']> =>
    Promise.all(sources.map(async ({ path, place }) => ({ path: await locate(path, place), place })));
  return {
    ...content,
    charts: await Promise.all(content.charts.map(locateChart)),
    manifests: await locateAll(content.manifests),
    kustomize: await locateAll(content.kustomize),
  };
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
