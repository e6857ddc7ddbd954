import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { lstat, mkdtemp, readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AirgapError } from './errors.ts';
import { reasonOf } from './file-failure.ts';
import { currentRun, type RunIdentity, runState } from './run-identity.ts';

/** Temporary folders of this process. */
const inUse = new Set<string>();

/**
 * Runs `work` with a temporary folder and removes it afterwards. Also removes folders that killed runs have left in `parent`.
 * @param parent folder for temporary files
 * @throws AirgapError `file` if no folder can be created
 */
export async function withScratchIn<R>(parent: string, work: (folder: string) => Promise<R>): Promise<R> {
  const folder = await mkdtemp(join(parent, `${runPrefix(currentRun())}-`)).catch((cause: unknown) => {
    throw new AirgapError('file', `cannot create a temporary folder in ${parent}: ${reasonOf(cause)}`, {
      hint: 'set TMPDIR to a folder with write access',
      cause,
    });
  });
  inUse.add(folder);
  // In the background; a failure does not matter.
  const cleanup = removeStale(parent).catch(() => {});
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
    inUse.delete(folder);
    await cleanup;
  }
}

/** Removes all temporary folders synchronously, for a process that exits without waiting for its work. */
export function removeScratch(): void {
  for (const folder of inUse) {
    try {
      rmSync(folder, { recursive: true, force: true });
    } catch {
      // Helm may still write to it; a later run removes it.
    }
  }
}

const PREFIX = 'helm-airgap-';

/** Returns `helm-airgap-PID-START-HOST`, by which later runs on this host recognize that the run is dead. */
function runPrefix({ pid, start, host, space }: RunIdentity): string {
  const hostHash = createHash('sha256').update(`${host} ${space}`).digest('hex').slice(0, 12);
  return `${PREFIX}${pid}-${start === '' ? 0 : start}-${hostHash}`;
}

const NAME_PATTERN = /^helm-airgap-(\d{1,10})-(\d{1,20})-[0-9a-f]{12}-/;

/** Milliseconds after which an empty folder of an older version, whose name has no identity, is removed. */
const LEGACY_MAX_AGE = 60 * 60_000;

async function removeStale(parent: string): Promise<void> {
  const currentUid = process.getuid?.();
  for (const name of await readdir(parent)) {
    if (!name.startsWith(PREFIX)) continue;
    const folder = join(parent, name);
    if (inUse.has(folder)) continue;
    const found = await lstat(folder).catch(() => undefined);
    if (!found?.isDirectory() || found.uid !== currentUid) continue;
    const [, pid, start = ''] = NAME_PATTERN.exec(name) ?? [];
    if (pid === undefined) {
      // rmdir fails if the folder is not empty.
      if (Date.now() - found.mtimeMs > LEGACY_MAX_AGE) await rmdir(folder).catch(() => {});
      continue;
    }
    const run = { ...currentRun(), pid: Number(pid), start: start === '0' ? '' : start };
    if (name.startsWith(`${runPrefix(run)}-`) && runState(run) === 'gone') {
      await rm(folder, { recursive: true, force: true }).catch(() => {});
    }
  }
}
