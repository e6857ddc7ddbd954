import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { AirgapError, messageOf } from '../base/errors.ts';
import { quoted } from '../base/printable.ts';
import type { NameTest } from '../base/wildcard.ts';
import { isOneLine, readArchive } from './chart-archive.ts';
import { type Budget, newBudget, readEntries } from './chart-entries.ts';

/** Texts by their path in the chart, `charts/sub/Chart.yaml`. */
export type Files = ReadonlyMap<string, string>;

/** Helm itself takes no longer file (MaxDecompressedFileSize). */
const LIMIT = 5 * 1024 * 1024;

/** Files in a folder that Helm installs definitions of custom resources from. */
export const DEFINITIONS: NameTest = {
  test: (path) => /\.(?:ya?ml|json)$/.test(path) && path.split('/').slice(0, -1).includes('crds'),
};

/** An archive of a subchart, also of one in a subchart. */
const INNER = /(?:^|\/)charts\/[^/]+\.tgz$/;
/** Archives within archives; Helm's own charts have one. */
const LEVELS = 5;

/**
 * Texts of a chart archive and its subcharts, archives in charts/ included. What is longer than 5 MiB in an inner
 * archive is passed over. All inner archives together may unpack to as much as one chart.
 * @throws AirgapError `chart-invalid`
 */
export async function chartFiles(archive: string, wanted: NameTest): Promise<Files> {
  const { files } = await readArchive(archive, { test: (path) => INNER.test(path) || wanted.test(path) });
  const texts = new Map<string, string>();
  const budget = newBudget();
  for (const [path, content] of files) {
    if (INNER.test(path)) await readInner({ path, content, level: 1 }, wanted, texts, budget);
    else texts.set(path, content.toString('utf8'));
  }
  return texts;
}

interface InnerArchive {
  /** In the chart. */
  readonly path: string;
  readonly content: Buffer;
  /** 1 in the chart itself. */
  readonly level: number;
}

/** A subchart's archive has its folder inside. */
async function readInner(
  { path, content, level }: InnerArchive,
  wanted: NameTest,
  texts: Map<string, string>,
  budget: Budget,
): Promise<void> {
  const folder = posix.dirname(path);
  const inner: InnerArchive[] = [];
  try {
    if (level > LEVELS) throw new Error(`charts are packed into charts more than ${LEVELS} times`);
    await readEntries(Readable.from([content]), budget, (entry, keep) => {
      if (!isOneLine(entry.path)) return `it holds a file whose name has control characters, ${quoted(entry.path)}`;
      const below = posix.join(folder, entry.path);
      if (INNER.test(entry.path)) keep((bytes) => inner.push({ path: below, content: bytes, level: level + 1 }));
      else if (wanted.test(below) && entry.size <= LIMIT) keep((bytes) => texts.set(below, bytes.toString('utf8')));
      return undefined;
    });
  } catch (cause) {
    throw new AirgapError(
      'chart-invalid',
      `${path}, which the chart holds, is not a chart archive: ${messageOf(cause)}`,
      {
        hint: 'helm dependency update puts the archives of its dependencies there anew',
        cause,
      },
    );
  }
  for (const archive of inner) await readInner(archive, wanted, texts, budget);
}
