import { randomUUID } from 'node:crypto';
import { type FileHandle, lstat, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { AirgapError } from './errors.ts';
import { fileFailure, reasonOf } from './file-failure.ts';
import { createOwn, openOnly } from './own-file.ts';
import { type RunIdentity, stateOf, thisRun } from './run-identity.ts';

/** Milliseconds between updates of the lock. */
const BEAT = 10_000;
/** Milliseconds without an update after which a run whose process cannot be checked is considered dead. */
const SILENCE = 60_000;
/** Bytes to read; locks are much smaller. */
const LIMIT = 4096;

/** Errors of a folder in which no run can create files. */
const CLOSED: ReadonlySet<string> = new Set(['EROFS', 'EACCES', 'EPERM', 'ENOENT', 'ENOTDIR']);
/** A full disk is reported by the code that writes the output, with the bytes needed; existing output may be enough. */
const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);

/** Path of the lock file of an output: Node has no flock. */
export function runLockOf(path: string): string {
  return `${path}.partial.lock`;
}

/**
 * Runs `work` while holding a lock on an output. The lock of a killed run is taken over: its process is checked, and if
 * that is impossible (another host, another container), a lock that was not updated for a minute is stale.
 * @throws AirgapError `output-exists` that names the holder, without waiting; `file`; errors of `work`
 */
export async function withRunLock<R>(path: string, work: () => Promise<R>): Promise<R> {
  const lock = runLockOf(path);
  const held = await acquire(path, lock);
  if (held === undefined) return work();
  const { file, content } = held;
  // A write, not utimes: the time comes from the clock of the file system.
  const beat = setInterval(() => void file.write(content, 0).catch(() => {}), BEAT).unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    const [mine, there] = [await file.stat(), await lstat(lock).catch(() => undefined)];
    await file.close();
    if (mine.ino === there?.ino && mine.dev === there.dev) await rm(lock, { force: true });
  }
}

interface Held {
  readonly file: FileHandle;
  readonly content: string;
}

/** Returns undefined if no lock can be created. @throws AirgapError `output-exists`, `file` */
async function acquire(path: string, lock: string): Promise<Held | undefined> {
  const content = `${JSON.stringify({ ...thisRun(), since: new Date().toISOString() })}\n`;
  // Retries if the lock disappears or is taken over between two checks.
  for (let attempt = 0; attempt < 5; attempt++) {
    try {
      const file = await createOwn(lock, 0o644);
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
      if (FULL.has(code)) return undefined;
      if (CLOSED.has(code)) {
        // No run can write here, so no lock is needed; an existing output may already be up to date.
        if (await isThere(path)) return undefined;
        throw new AirgapError('file', `${path} cannot be written: ${reasonOf(error)}`, { cause: error });
      }
      if (code !== 'EEXIST') throw fileFailure(error) ?? error;
    }
    await removeStale(path, lock);
  }
  throw busy(path, lock, undefined);
}

/** Returns true if the output or one of its parts exists. */
async function isThere(path: string): Promise<boolean> {
  const names = await readdir(dirname(path)).catch(() => []);
  return names.some((name) => name.startsWith(basename(path)));
}

/** Deletes the lock of a dead run. @throws AirgapError `output-exists` if the run is alive; `file` */
async function removeStale(path: string, lock: string): Promise<void> {
  const there = await read(lock);
  if (there === undefined) return;
  const state = there.holder === undefined ? 'unknown' : stateOf(there.holder);
  const isGone = state === 'gone' || (state === 'unknown' && (await now(lock)) - there.touched > SILENCE);
  if (!isGone) throw busy(path, lock, there.holder);
  // Another run may create a new lock under this name at any moment; a renamed one can be checked safely.
  const aside = `${lock}.${randomUUID()}`;
  try {
    await rename(lock, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw fileFailure(error) ?? error;
  }
  if ((await read(aside))?.text === there.text) await rm(aside, { force: true });
  else await rename(aside, lock);
}

interface Lock {
  readonly text: string;
  /** Milliseconds by the file system's clock. */
  readonly touched: number;
  /** Undefined while the lock is being written, and if it is not a valid lock. */
  readonly holder: Holder | undefined;
}

interface Holder extends RunIdentity {
  readonly since: string;
}

/** Returns undefined if the lock does not exist. @throws AirgapError `file` if it is not a regular file */
async function read(path: string): Promise<Lock | undefined> {
  let file: FileHandle;
  try {
    file = await openOnly(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileFailure(error) ?? error;
  }
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(LIMIT), position: 0 });
    const text = buffer.toString('utf8', 0, bytesRead);
    return { text, touched: (await file.stat()).mtimeMs, holder: parse(text) };
  } finally {
    await file.close();
  }
}

function parse(text: string): Holder | undefined {
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
async function now(lock: string): Promise<number> {
  const path = `${lock}.${randomUUID()}`;
  const file = await createOwn(path).catch((error) => {
    throw fileFailure(error) ?? error;
  });
  try {
    return (await file.stat()).mtimeMs;
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
}

function busy(path: string, lock: string, holder: Holder | undefined): AirgapError {
  const who = holder === undefined ? '' : `: process ${holder.pid} on ${holder.host}, since ${holder.since}`;
  return new AirgapError('output-exists', `another run of helm airgap is writing ${path}${who}`, {
    hint: `wait for it, or choose another file with --out; if that run no longer exists, delete ${lock}`,
  });
}
