import { randomUUID } from 'node:crypto';
import { type FileHandle, lstat, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { AirgapError } from './errors.ts';
import { fileFailure, reasonOf } from './file-failure.ts';
import { createOwnFile, openRegularFile } from './own-file.ts';
import { currentRun, type RunIdentity, runState } from './run-identity.ts';

/** Milliseconds between updates of the lock. */
const HEARTBEAT_INTERVAL = 10_000;
/** Milliseconds without an update after which a run whose process cannot be checked is considered dead. */
const STALE_AFTER = 60_000;
/** Bytes to read; locks are much smaller. */
const MAX_LOCK_BYTES = 4096;

/** Errors of a folder in which no run can create files. */
const UNWRITABLE_CODES: ReadonlySet<string> = new Set(['EROFS', 'EACCES', 'EPERM', 'ENOENT', 'ENOTDIR']);
/** A full disk is reported by the code that writes the output, with the bytes needed; existing output may be enough. */
const NO_SPACE_CODES: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);

/** Path of the lock file of an output: Node has no flock. */
export function runLockPath(path: string): string {
  return `${path}.partial.lock`;
}

/**
 * Runs `work` while holding a lock on an output. The lock of a killed run is taken over: its process is checked, and if
 * that is impossible (another host, another container), a lock that was not updated for a minute is stale.
 * @throws AirgapError `output-exists` that names the holder, without waiting; `file`; errors of `work`
 */
export async function withRunLock<R>(path: string, work: () => Promise<R>): Promise<R> {
  const lock = runLockPath(path);
  const heldLock = await acquire(path, lock);
  if (heldLock === undefined) return work();
  const { file, content } = heldLock;
  // A write, not utimes: the time comes from the clock of the file system.
  const heartbeat = setInterval(() => void file.write(content, 0).catch(() => {}), HEARTBEAT_INTERVAL).unref();
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    const [ours, existing] = [await file.stat(), await lstat(lock).catch(() => undefined)];
    await file.close();
    if (ours.ino === existing?.ino && ours.dev === existing.dev) await rm(lock, { force: true });
  }
}

interface HeldLock {
  readonly file: FileHandle;
  readonly content: string;
}

/** Returns undefined if no lock can be created. @throws AirgapError `output-exists`, `file` */
async function acquire(path: string, lock: string): Promise<HeldLock | undefined> {
  const content = `${JSON.stringify({ ...currentRun(), since: new Date().toISOString() })}\n`;
  // Retries if the lock disappears or is taken over between two checks.
  for (let attempt = 0; attempt < 5; attempt++) {
    try {
      const file = await createOwnFile(lock, 0o644);
      try {
        await file.write(content, 0);
        return { file, content };
      } catch (error) {
        await file.close();
        await rm(lock, { force: true });
        throw error;
      }
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (NO_SPACE_CODES.has(code)) return undefined;
      if (UNWRITABLE_CODES.has(code)) {
        // No run can write here, so no lock is needed; an existing output may already be up to date.
        if (await outputExists(path)) return undefined;
        throw new AirgapError('file', `${path} cannot be written: ${reasonOf(error)}`, { cause: error });
      }
      if (code !== 'EEXIST') throw fileFailure(error) ?? error;
    }
    await removeStale(path, lock);
  }
  throw busyError(path, lock, undefined);
}

/** Returns true if the output or one of its parts exists. */
async function outputExists(path: string): Promise<boolean> {
  const names = await readdir(dirname(path)).catch(() => []);
  return names.some((name) => name.startsWith(basename(path)));
}

/** Deletes the lock of a dead run. @throws AirgapError `output-exists` if the run is alive; `file` */
async function removeStale(path: string, lock: string): Promise<void> {
  const existing = await readLock(lock);
  if (existing === undefined) return;
  const state = existing.holder === undefined ? 'unknown' : runState(existing.holder);
  const isStale =
    state === 'gone' || (state === 'unknown' && (await fileSystemTime(lock)) - existing.modifiedAt > STALE_AFTER);
  if (!isStale) throw busyError(path, lock, existing.holder);
  // Another run may create a new lock under this name at any moment; a renamed one can be checked safely.
  const temporary = `${lock}.${randomUUID()}`;
  try {
    await rename(lock, temporary);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw fileFailure(error) ?? error;
  }
  if ((await readLock(temporary))?.text === existing.text) await rm(temporary, { force: true });
  else await rename(temporary, lock);
}

interface LockState {
  readonly text: string;
  /** Milliseconds by the file system's clock. */
  readonly modifiedAt: number;
  /** Undefined while the lock is being written, and if it is not a valid lock. */
  readonly holder: Holder | undefined;
}

interface Holder extends RunIdentity {
  readonly since: string;
}

/** Returns undefined if the lock does not exist. @throws AirgapError `file` if it is not a regular file */
async function readLock(path: string): Promise<LockState | undefined> {
  let file: FileHandle;
  try {
    file = await openRegularFile(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileFailure(error) ?? error;
  }
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(MAX_LOCK_BYTES), position: 0 });
    const text = buffer.toString('utf8', 0, bytesRead);
    return { text, modifiedAt: (await file.stat()).mtimeMs, holder: parseHolder(text) };
  } finally {
    await file.close();
  }
}

function parseHolder(text: string): Holder | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { pid, host, space, start, since } = Object(json) as Partial<Record<keyof Holder, unknown>>;
  if (!Number.isSafeInteger(pid) || (pid as number) <= 0) return undefined;
  if (![host, space, start, since].every((field) => typeof field === 'string')) return undefined;
  return { pid, host, space, start, since } as Holder;
}

/** Returns the time of the file system's clock, which may differ from this host's. */
async function fileSystemTime(lock: string): Promise<number> {
  const path = `${lock}.${randomUUID()}`;
  const file = await createOwnFile(path).catch((error) => {
    throw fileFailure(error) ?? error;
  });
  try {
    return (await file.stat()).mtimeMs;
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
}

function busyError(path: string, lock: string, holder: Holder | undefined): AirgapError {
  const holderText = holder === undefined ? '' : `: process ${holder.pid} on ${holder.host}, since ${holder.since}`;
  return new AirgapError('output-exists', `another run of helm airgap is writing ${path}${holderText}`, {
    hint: `wait for it, or choose another file with --out; if that run no longer exists, delete ${lock}`,
  });
}
