import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { lstat, mkdtemp, readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type RunIdentity, stateOf, thisRun } from './run-identity.ts';

/** Scratch folders of this process. */
const inUse = new Set<string>();

/**
 * Runs `work` with a scratch folder of its own, which is gone afterwards, whatever happens. What killed runs have left
 * beside it goes too.
 * @param parent where folders for a time belong
 */
export async function withScratchIn<R>(parent: string, work: (folder: string) => Promise<R>): Promise<R> {
  const folder = await mkdtemp(join(parent, `${nameOf(thisRun())}-`));
  inUse.add(folder);
  // Of runs that were killed; beside the work, and nothing hangs on it.
  const tidied = removeStale(parent).catch(() => {});
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
    inUse.delete(folder);
    await tidied;
  }
}

/** Removes all of them at once: for a process that ends without waiting for its work. */
export function removeScratch(): void {
  for (const folder of inUse) {
    try {
      rmSync(folder, { recursive: true, force: true });
    } catch {
      // Helm may still write there; a later run removes it.
    }
  }
}

const PREFIX = 'helm-airgap-';

/** `helm-airgap-PID-START-WHERE`: with what tells later runs on this host whether its run is gone. */
function nameOf({ pid, start, host, space }: RunIdentity): string {
  const where = createHash('sha256').update(`${host} ${space}`).digest('hex').slice(0, 12);
  return `${PREFIX}${pid}-${start === '' ? 0 : start}-${where}`;
}

const NAME = /^helm-airgap-(\d{1,10})-(\d{1,20})-[0-9a-f]{12}-/;

/** Milliseconds after which an empty folder that does not say whose it is, of an older version, is nobody's. */
const OLD = 60 * 60_000;

async function removeStale(parent: string): Promise<void> {
  const own = process.getuid?.();
  for (const name of await readdir(parent)) {
    if (!name.startsWith(PREFIX)) continue;
    const folder = join(parent, name);
    if (inUse.has(folder)) continue;
    const found = await lstat(folder).catch(() => undefined);
    if (!found?.isDirectory() || found.uid !== own) continue;
    const [, pid, start = ''] = NAME.exec(name) ?? [];
    if (pid === undefined) {
      // Whatever is in it keeps it there.
      if (Date.now() - found.mtimeMs > OLD) await rmdir(folder).catch(() => {});
      continue;
    }
    const run = { ...thisRun(), pid: Number(pid), start: start === '0' ? '' : start };
    if (name.startsWith(`${nameOf(run)}-`) && stateOf(run) === 'gone') {
      await rm(folder, { recursive: true, force: true }).catch(() => {});
    }
  }
}
