import { randomUUID } from 'node:crypto';
import { type FileHandle, lstat, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { AirgapError } from './errors.ts';
import { fileFailure, reasonOf } from './file-failure.ts';
import { createOwn, openOnly } from './own-file.ts';
import { type RunIdentity, stateOf, thisRun } from './run-identity.ts';

/** Milliseconds between signs of life. */
const BEAT = 10_000;
/** Milliseconds without one after which a run that nobody can look for is gone. */
const SILENCE = 60_000;
/** Far more than a lock has. */
const LIMIT = 4096;

/** Nobody can make a file there. */
const CLOSED: ReadonlySet<string> = new Set(['EROFS', 'EACCES', 'EPERM', 'ENOENT', 'ENOTDIR']);
/** What writes next says how much is needed; what has been written already may be enough. */
const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);

/** The file that says who writes an output: Node has no flock. */
export function runLockOf(path: string): string {
  return `${path}.partial.lock`;
}

/**
 * Works while no other run does on the same output. A run that was killed keeps nobody away: its process is looked for,
 * and where that cannot be done (another host, another container), it is gone when its lock has not been touched for a minute.
 * @throws AirgapError `output-exists` with who writes there, at once; `file`; and what `work` throws
 */
export async function withRunLock<R>(path: string, work: () => Promise<R>): Promise<R> {
  const lock = runLockOf(path);
  const held = await acquire(path, lock);
  if (held === undefined) return work();
  const { file, content } = held;
  // Written, and not only given another time: so it is the clock of the file system that counts.
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

/** @returns undefined where no file can be made. @throws AirgapError `output-exists`, `file` */
async function acquire(path: string, lock: string): Promise<Held | undefined> {
  const content = `${JSON.stringify({ ...thisRun(), since: new Date().toISOString() })}\n`;
  // A lock that is gone between two looks at it is worth another try, and so is one that was taken over.
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
        // No run can write there, so none has to be kept away; but what is there may be all that is wanted.
        if (await isThere(path)) return undefined;
        throw new AirgapError('file', `${path} cannot be written: ${reasonOf(error)}`, { cause: error });
      }
      if (code !== 'EEXIST') throw fileFailure(error) ?? error;
    }
    await removeStale(path, lock);
  }
  throw busy(path, lock, undefined);
}

/** Whether something has that name, or begins with it as the parts of a bundle do. */
async function isThere(path: string): Promise<boolean> {
  const names = await readdir(dirname(path)).catch(() => []);
  return names.some((name) => name.startsWith(basename(path)));
}

/** Takes the lock of a run that is gone away. @throws AirgapError `output-exists` when it is not gone, `file` */
async function removeStale(path: string, lock: string): Promise<void> {
  const there = await read(lock);
  if (there === undefined) return;
  const state = there.holder === undefined ? 'unknown' : stateOf(there.holder);
  const isGone = state === 'gone' || (state === 'unknown' && (await now(lock)) - there.touched > SILENCE);
  if (!isGone) throw busy(path, lock, there.holder);
  // Under its own name another run may make a new one at any moment; under another it can be looked at.
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
  /** Milliseconds, of the file system's clock. */
  readonly touched: number;
  /** Undefined while it is being written, and of what is no lock. */
  readonly holder: Holder | undefined;
}

interface Holder extends RunIdentity {
  readonly since: string;
}

/** Undefined when it is gone. @throws AirgapError `file` for what is no file */
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

/** What the file system's clock says: that of another host may differ from this one's. */
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
  return new AirgapError('output-exists', `another run of helm airgap writes ${path}${who}`, {
    hint: `wait for it, or choose another name with --out; when there is no such run, delete ${lock}`,
  });
}
