import { Readable } from 'node:stream';
import { AirgapError, messageOf } from '../base/errors.ts';
import { readArchive } from './chart-archive.ts';
import { type Budget, newBudget, readEntries } from './chart-entries.ts';

/** Texts by their path in the chart, `charts/sub/Chart.yaml`. */
export type Files = ReadonlyMap<string, string>;

/** Longer than any template or list. */
const LIMIT = 1024 * 1024;

/**
 * Texts of a chart archive and its subcharts, archives in charts/ included. What is longer than 1 MiB in an inner
 * archive is passed over. All inner archives together may unpack to as much as one chart.
 * @throws AirgapError `chart-invalid`
 */
export async function chartFiles(archive: string, wanted: RegExp): Promise<Files> {
  const inner = /^charts\/[^/]+\.tgz$/;
  const { files } = await readArchive(archive, new RegExp(`${inner.source}|${wanted.source}`));
  const texts = new Map<string, string>();
  const budget = newBudget();
  for (const [path, content] of files) {
    if (!inner.test(path)) texts.set(path, content.toString('utf8'));
    else {
      await readInner(content, wanted, texts, budget).catch((cause: unknown) => {
        throw new AirgapError(
          'chart-invalid',
          `${path}, which the chart holds, is not a chart archive: ${messageOf(cause)}`,
          {
            hint: 'helm dependency update puts the archives of its dependencies there anew',
            cause,
          },
        );
      });
    }
  }
  return texts;
}

/** A subchart's archive has its folder inside. */
function readInner(bytes: Buffer, wanted: RegExp, texts: Map<string, string>, budget: Budget): Promise<void> {
  return readEntries(Readable.from([bytes]), budget, (entry, keep) => {
    if (!wanted.test(entry.path) || entry.size > LIMIT) return undefined;
    keep((content) => void texts.set(`charts/${entry.path}`, content.toString('utf8')));
    return undefined;
  });
}
