import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../cluster.ts';

/**
 * Waits until no other test file has the lock, and takes it: for charts whose cluster-wide objects or host ports another file
 * wants, too.
 * @returns gives it back
 */
export async function lock({ folder }: Pick<Cluster, 'folder'>, name: string): Promise<() => void> {
  const path = join(folder, `lock-${name}`);
  for (;;) {
    try {
      mkdirSync(path);
      return () => rmdirSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      await sleep(300);
    }
  }
}
