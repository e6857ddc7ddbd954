import { existsSync, mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { packed } from '../../package.ts';
import { type Cluster, SYSTEM_PATH } from '../cluster.ts';
import { lock } from './lock.ts';

/** What the isolated side has besides Helm and kubectl: neither Node, npm nor git. */
const INSTALLED = ['dirname', 'gzip', 'readlink', 'sh', 'tar', 'uname'];

/** Folder that is the whole PATH of Helm and the plugin inside. */
export function installedPrograms({ folder }: Pick<Cluster, 'folder'>): string {
  return join(folder, 'installed');
}

/**
 * Unpacks the archive of `npm run package` inside, once for all tests of a run.
 * @returns folder for `helm plugin install`
 * @throws Error with what tar said
 */
export async function unpackedPlugin(cluster: Cluster): Promise<string> {
  const { archive } = await packed();
  const folder = join(cluster.folder, 'plugin');
  const unlock = await lock(cluster, 'plugin');
  try {
    if (!existsSync(folder)) await unpack(cluster, archive, folder);
  } finally {
    unlock();
  }
  return join(folder, 'airgap');
}

async function unpack(cluster: Cluster, archive: string, folder: string): Promise<void> {
  const programs = installedPrograms(cluster);
  mkdirSync(programs);
  for (const name of INSTALLED) {
    const path = SYSTEM_PATH.split(':').map((parent) => join(parent, name));
    symlinkSync(path.find(existsSync) ?? name, join(programs, name));
  }
  symlinkSync(join(cluster.folder, 'bin/kubectl'), join(programs, 'kubectl'));
  const partial = `${folder}.partial`;
  mkdirSync(partial);
  const tar = ['env', `PATH=${programs}`, 'tar', 'xzf', archive, '-C', partial];
  const { code, stderr } = await cluster.run(tar);
  if (code !== 0) throw new Error(`${archive} cannot be unpacked: ${stderr}`);
  renameSync(partial, folder);
}
