import { join } from 'node:path';
import { Helm } from '../../src/helm/helm.ts';
import type { TestHelm } from './helm.ts';

/** Returns a Helm that is independent of the user's settings. */
export function helmIn(folder: string, { path }: TestHelm): Helm {
  const home = join(folder, 'helm-home');
  const env = {
    PATH: process.env.PATH,
    HELM_BIN: path,
    HELM_CACHE_HOME: join(home, 'cache'),
    HELM_CONFIG_HOME: join(home, 'config'),
    HELM_DATA_HOME: join(home, 'data'),
  };
  return new Helm({ env, cwd: folder });
}
