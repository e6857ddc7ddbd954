import { readFile, stat } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import type { Finding } from '../lock/finding.ts';
import { driftOf, type LockFile, type LockFileChart, parseLockFile } from '../lock/lock-file.ts';
import { type Digest, digestOf } from '../oci/digest.ts';
import type { Context } from './context.ts';
import type { SearchedChart } from './discover.ts';

/** What a lock file says, without its header. */
export type Locked = Pick<LockFile, 'charts' | 'images'>;

/**
 * The content of a lock file for what was found. Candidates that are only possible are left out, as in a bundle.
 * @param file where it will stand: charts on this machine are named relative to it
 * @param digests of references, as far as they are known
 */
export async function lockFileOf(
  { cwd }: Context,
  searched: readonly SearchedChart[],
  findings: readonly Finding[],
  digests: ReadonlyMap<string, Digest>,
  file: string,
): Promise<Locked> {
  const folder = dirname(resolve(cwd, file));
  const charts = await Promise.all(searched.map((entry) => chartEntry(entry, cwd, folder)));
  const images = findings
    .filter(({ confidence }) => confidence !== 'possible')
    .map(({ reference, need, found }) => {
      const digest = digests.get(reference);
      const names = new Set(found.map(({ chart }) => chart).filter((name) => name !== ''));
      return { reference, need, charts: [...names].sort(), ...(digest === undefined ? {} : { digest }) };
    });
  return { charts, images };
}

async function chartEntry({ chart }: SearchedChart, cwd: string, folder: string): Promise<LockFileChart> {
  const { metadata, archive, request } = chart;
  const path = resolve(cwd, request.chart);
  const isLocal = request.repo === undefined && (await stat(path).catch(() => undefined)) !== undefined;
  return {
    name: metadata.name,
    version: metadata.version,
    chart: isLocal ? `./${relative(folder, path)}` : request.chart,
    ...(request.repo === undefined ? {} : { repo: request.repo }),
    digest: digestOf(await readFile(archive)),
  };
}

/** @throws AirgapError `config` */
export async function readLockFile({ cwd }: Context, file: string): Promise<LockFile> {
  return parseLockFile(await readFile(resolve(cwd, file), 'utf8'), file);
}

/** The differences between a lock file and what is found now, one line each; none when it is up to date. */
export async function checkLockFile(context: Context, file: string, found: Locked): Promise<string[]> {
  return driftOf(await readLockFile(context, file), found);
}
