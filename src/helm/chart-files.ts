import { once } from 'node:events';
import * as tar from 'tar';
import type { NameTest } from '../base/wildcard.ts';
import { readArchive } from './chart-archive.ts';

/** Texts by their path in the chart, `charts/sub/Chart.yaml`. */
export type Files = ReadonlyMap<string, string>;

/** Longer than any template or list. */
const LIMIT = 1024 * 1024;

/**
 * Texts of a chart archive and its subcharts, archives in charts/ included. What is longer than 1 MiB in an inner
 * archive is passed over.
 * @throws AirgapError `chart-invalid`
 */
export async function chartFiles(archive: string, wanted: NameTest): Promise<Files> {
  const inner = /^charts\/[^/]+\.tgz$/;
  const { files } = await readArchive(archive, { test: (path) => inner.test(path) || wanted.test(path) });
  const texts = new Map<string, string>();
  for (const [path, content] of files) {
    if (inner.test(path)) await readInner(content, wanted, texts);
    else texts.set(path, content.toString('utf8'));
  }
  return texts;
}

/** A subchart's archive has its folder inside. */
async function readInner(bytes: Buffer, wanted: NameTest, texts: Map<string, string>): Promise<void> {
  const parser = tar.list({
    onReadEntry: (entry) => {
      if (!wanted.test(entry.path) || entry.size > LIMIT) return;
      const chunks: Buffer[] = [];
      entry.on('data', (chunk: Buffer) => chunks.push(chunk));
      entry.on('end', () => texts.set(`charts/${entry.path}`, Buffer.concat(chunks).toString('utf8')));
    },
  });
  const done = once(parser, 'end');
  parser.end(bytes);
  await done;
}
