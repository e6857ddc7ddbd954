import { count } from '../../base/count.ts';
import type { Serving } from '../../workflows/serve/serve.ts';
import type { Report } from './report.ts';
import { formatBytes, joinLines } from './text.ts';

/** Formats where a registry listens and what it has. */
export function serveReport({ url, prefix, repositories, tags, bytes, login }: Serving): Report {
  const content = `${count(repositories, 'repository', 'repositories')}, ${count(tags, 'tag')}, ${formatBytes(bytes)}`;
  const notes = [`everybody who reaches it can read${login ? ' with a login' : ''}; Ctrl-C ends it`];
  return {
    result: [joinLines([`serving ${content} at ${url}${prefix === '' ? '' : `/${prefix}`}`])],
    notes: [joinLines(notes)],
  };
}
