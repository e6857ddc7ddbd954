import { dirname, resolve } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import type { ChartAccess } from '../../helm/access.ts';
import type { LockFile, LockFileChart } from '../../inventory/lock-file.ts';
import type { BundleLockFileOptions } from '../../workflows/bundle/bundle-lock-file.ts';
import type { ImagesOptions } from '../../workflows/images/images.ts';
import type { CommandIO } from '../run.ts';
import type { ChartsFlags } from './charts.ts';
import type { RegistryFlags } from './registry.ts';
import { chartAccessOf } from './render.ts';

/**
 * Reads the charts and images to bundle from a lock file, and returns the access to its charts.
 * @throws AirgapError `usage` if flags select charts or images too, `config` for an invalid file
 */
export async function bundleLockFileOptions(
  { context }: CommandIO,
  file: string,
  options: ImagesOptions & { readonly registry: RegistryFlags },
  flags: ChartsFlags,
): Promise<Pick<BundleLockFileOptions, 'lockFile' | 'folder' | 'chartAccess'>> {
  refuseConflicts(options);
  const path = resolve(context.cwd, file);
  const { readLockFile } = await import('../config/lock-file.ts');
  const locked = await readLockFile(path, '--lock');
  const { username, password, certFile, keyFile } = flags;
  const hasLogin = [username, password, certFile, keyFile].some((flag) => flag !== undefined);
  if (hasLogin) requireSingleHost(locked);
  const { caFile, plainHttp } = options.registry;
  // Credentials are for the charts that the user named, not for nested charts from other hosts.
  const chartAccess = ({ chart = '', parent }: LockFileChart): ChartAccess =>
    chartAccessOf(parent === undefined ? flags : {}, caFile, chart, plainHttp);
  return { lockFile: locked, folder: dirname(path), chartAccess };
}

function refuseConflicts({
  charts,
  exclude = [],
  include = [],
  tests,
  hooks,
  rules = [],
  nestedCharts,
  operatorScan,
}: ImagesOptions): void {
  const conflicts = Object.entries({
    charts: charts.length > 0,
    '--exclude': exclude.length > 0,
    '--include': include.length > 0,
    '--no-tests': tests === false,
    '--no-hooks': hooks === false,
    '--rules': rules.length > 0,
    '--no-nested-charts': nestedCharts === false,
    '--include-inside': operatorScan?.include === true,
  }).flatMap(([what, given]) => (given ? [what] : []));
  if (conflicts.length === 0) return;
  throw new AirgapError('usage', `--lock cannot be used with ${conflicts.join(', ')}`, {
    hint: 'the lock file selects charts and images: pass these to helm airgap images … --lock, which writes it; --image adds images',
  });
}

function requireSingleHost({ charts }: LockFile): void {
  const hosts = new Set(charts.filter(({ parent }) => parent === undefined).flatMap(hostOf));
  if (hosts.size < 2) return;
  throw new AirgapError(
    'usage',
    `credentials from --username or --cert-file would be sent to ${[...hosts].join(' and to ')}`,
    {
      hint: 'log in with helm registry login or helm repo add, or read the charts from a folder with --chart-mirror',
    },
  );
}

/** Returns the host that serves a chart; none for a file or folder. */
function hostOf({ chart = '', repo }: LockFileChart): string[] {
  const address = repo ?? chart;
  const host = /^[a-z][a-z0-9+.-]*:\/\/([^/]+)/i.exec(address)?.[1];
  return host === undefined ? [] : [host];
}
