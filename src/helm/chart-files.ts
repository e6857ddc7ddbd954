import { once } from 'node:events';
import { posix } from 'node:path';
import * as tar from 'tar';
import { AirgapError } from '../base/errors.ts';
import { quoted } from '../base/printable.ts';
import type { NameTest } from '../base/wildcard.ts';
import { isOneLine, readArchive } from './chart-archive.ts';

/** Texts by their path in the chart, `charts/sub/Chart.yaml`. */
export type Files = ReadonlyMap<string, string>;

/** Longer than any template or list. */
const LIMIT = 1024 * 1024;

/** An archive of a subchart, also of one in a subchart. */
const INNER = /(?:^|\/)charts\/[^/]+\.tgz$/;
/** Archives within archives; Helm's own charts have one. */
const LEVELS = 5;

/**
 * Texts of a chart archive and its subcharts, archives in charts/ included. What is longer than 1 MiB in an inner
 * archive is passed over.
 * @throws AirgapError `chart-invalid`
 */
export async function chartFiles(archive: string, wanted: NameTest): Promise<Files> {
  const { files } = await readArchive(archive, { test: (path) => INNER.test(path) || wanted.test(path) });
  const texts = new Map<string, string>();
  for (const [path, content] of files) {
    if (INNER.test(path)) await readInner(content, posix.dirname(path), wanted, texts, 1);
    else texts.set(path, content.toString('utf8'));
  }
  return texts;
}

/** A subchart's archive has its folder inside. */
async function readInner(
  bytes: Buffer,
  folder: string,
  wanted: NameTest,
  texts: Map<string, string>,
  level: number,
): Promise<void> {
  const archives = new Map<string, Buffer>();
  let problem = level > LEVELS ? `charts are packed into charts more than ${LEVELS} times` : undefined;
  const parser = tar.list({
    onReadEntry: (entry) => {
      if (!isOneLine(entry.path)) {
        problem ??= `a subchart holds a file whose name has control characters, ${quoted(entry.path)}`;
      }
      const isInner = INNER.test(entry.path);
      if (problem !== undefined || (!isInner && (!wanted.test(entry.path) || entry.size > LIMIT))) return;
      const path = posix.join(folder, entry.path);
      const chunks: Buffer[] = [];
      entry.on('data', (chunk: Buffer) => chunks.push(chunk));
      entry.on('end', () => {
        const content = Buffer.concat(chunks);
        if (isInner) archives.set(path, content);
        else texts.set(path, content.toString('utf8'));
      });
    },
  });
  const done = once(parser, 'end');
  parser.end(bytes);
  await done;
  if (problem !== undefined) throw new AirgapError('chart-invalid', `${folder}: ${problem}`);
  for (const [path, content] of archives) await readInner(content, posix.dirname(path), wanted, texts, level + 1);
}
