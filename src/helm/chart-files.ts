import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { AirgapError, messageOf } from '../base/errors.ts';
import { quoted } from '../base/printable.ts';
import type { NameTest } from '../base/wildcard.ts';
import { isOneLine, readArchive } from './chart-archive.ts';
import { newBudget, readEntries, type UnpackBudget } from './chart-entries.ts';

/** Texts by path in the chart, such as `charts/sub/Chart.yaml`. */
export type ChartFiles = ReadonlyMap<string, string>;

/** Maximum bytes of a file in Helm (MaxDecompressedFileSize). */
const MAX_FILE_BYTES = 5 * 1024 * 1024;

/** Selects files in `crds` folders, from which Helm installs custom resource definitions. */
export const IN_CRDS_FOLDER: NameTest = {
  test: (path) => /\.(?:ya?ml|json)$/.test(path) && path.split('/').slice(0, -1).includes('crds'),
};

/** Archive of a subchart at any level. */
const INNER_ARCHIVE = /(?:^|\/)charts\/[^/]+\.tgz$/;
/** Maximum nesting of archives; real charts have one level. */
const MAX_LEVELS = 5;

/**
 * Reads texts of a chart archive and its subcharts, including archives in charts/. Skips files above 5 MiB in inner
 * archives. All inner archives together have the size limit of one chart.
 * @throws AirgapError `chart-invalid`
 */
export async function readChartFiles(archive: string, selection: NameTest): Promise<ChartFiles> {
  const { files } = await readArchive(archive, { test: (path) => INNER_ARCHIVE.test(path) || selection.test(path) });
  const texts = new Map<string, string>();
  const budget = newBudget();
  for (const [path, content] of files) {
    if (INNER_ARCHIVE.test(path)) await readInner({ path, content, level: 1 }, selection, texts, budget);
    else texts.set(path, content.toString('utf8'));
  }
  return texts;
}

interface InnerArchive {
  /** Path in the chart. */
  readonly path: string;
  readonly content: Buffer;
  /** Nesting level; 1 in the chart itself. */
  readonly level: number;
}

/** Reads the archive of a subchart, which contains the subchart's folder. */
async function readInner(
  { path, content, level }: InnerArchive,
  selection: NameTest,
  texts: Map<string, string>,
  budget: UnpackBudget,
): Promise<void> {
  const folder = posix.dirname(path);
  const inner: InnerArchive[] = [];
  try {
    if (level > MAX_LEVELS) throw new Error(`subcharts are nested deeper than ${MAX_LEVELS} archives`);
    await readEntries(Readable.from([content]), budget, (entry, keep) => {
      if (!isOneLine(entry.path)) return `it contains a file name with control characters: ${quoted(entry.path)}`;
      const pathInChart = posix.join(folder, entry.path);
      if (INNER_ARCHIVE.test(entry.path))
        keep((bytes) => inner.push({ path: pathInChart, content: bytes, level: level + 1 }));
      else if (selection.test(pathInChart) && entry.size <= MAX_FILE_BYTES)
        keep((bytes) => texts.set(pathInChart, bytes.toString('utf8')));
      return undefined;
    });
  } catch (cause) {
    throw new AirgapError('chart-invalid', `${path} in the chart is not a chart archive: ${messageOf(cause)}`, {
      hint: 'run helm dependency update to replace the archives of its dependencies',
      cause,
    });
  }
  for (const archive of inner) await readInner(archive, selection, texts, budget);
}
