import { dirname, resolve } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import type { ChartAccess } from '../../helm/access.ts';
import type { LockFile, LockFileChart } from '../../lock/lock-file.ts';
import type { BundleLockedOptions } from '../../workflows/bundling/bundle-locked.ts';
import type { ImagesOptions } from '../../workflows/images.ts';
import type { Edge } from '../run.ts';
import type { ChartsFlags } from './charts.ts';
import type { RegistryFlags } from './registry.ts';
import { accessOf } from './render.ts';

/**
 * What a lock file says is to be bundled, and how its charts are reached.
 * @throws AirgapError `usage` when the flags name charts or choices beside it, `config` for a file that is none
 */
export async function lockedCharts(
  { context }: Edge,
  file: string,
  options: ImagesOptions & { readonly registry: RegistryFlags },
  flags: ChartsFlags,
): Promise<Pick<BundleLockedOptions, 'locked' | 'folder' | 'chartAccess'>> {
  refuseBeside(options);
  const path = resolve(context.cwd, file);
  const { readLockFile } = await import('../config/lock-file.ts');
  const locked = await readLockFile(path, '--lock');
  const { username, password, certFile, keyFile } = flags;
  const hasLogin = [username, password, certFile, keyFile].some((flag) => flag !== undefined);
  if (hasLogin) refuseSeveralHosts(locked);
  const { caFile, plainHttp } = options.registry;
  // Whoever logs in knows the charts that they asked for, and not what these bring along from elsewhere.
  const chartAccess = ({ chart = '', parent }: LockFileChart): ChartAccess =>
    accessOf(parent === undefined ? flags : {}, caFile, chart, plainHttp);
  return { locked, folder: dirname(path), chartAccess };
}

function refuseBeside({
  charts,
  exclude = [],
  include = [],
  tests,
  hooks,
  rules = [],
  nestedCharts,
  lookInside,
}: ImagesOptions): void {
  const beside = Object.entries({
    charts: charts.length > 0,
    '--exclude': exclude.length > 0,
    '--include': include.length > 0,
    '--no-tests': tests === false,
    '--no-hooks': hooks === false,
    '--rules': rules.length > 0,
    '--no-nested-charts': nestedCharts === false,
    '--include-inside': lookInside?.include === true,
  }).flatMap(([what, given]) => (given ? [what] : []));
  if (beside.length === 0) return;
  throw new AirgapError('usage', `--lock says what is bundled, and ${beside.join(', ')} would say it otherwise`, {
    hint: 'leave them out here, and give them to helm airgap images … --lock, which writes the file; images are added with --image',
  });
}

function refuseSeveralHosts({ charts }: LockFile): void {
  const hosts = new Set(charts.filter(({ parent }) => parent === undefined).flatMap(hostOf));
  if (hosts.size < 2) return;
  throw new AirgapError('usage', `--username and its like would be sent to ${[...hosts].join(' and to ')}`, {
    hint: 'log in with helm registry login or helm repo add, or read the charts from a folder with --chart-mirror',
  });
}

/** The host that is asked for a chart; none for a file or a folder. */
function hostOf({ chart = '', repo }: LockFileChart): string[] {
  const address = repo ?? chart;
  const host = /^[a-z][a-z0-9+.-]*:\/\/([^/]+)/i.exec(address)?.[1];
  return host === undefined ? [] : [host];
}
