import { writeSync } from 'node:fs';
import { type FileHandle, rm } from 'node:fs/promises';
import { openOwnFile, replaceOwnFile } from '../../base/own-file.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import { asWriteError } from '../files/errors.ts';

/** Content of a journal. */
export interface JournalContent {
  /** Identity of the plan (layout.ts). */
  readonly identity: string;
  /** Written bytes by digest. */
  readonly written: ReadonlyMap<Digest, number>;
}

/**
 * Journal of a partial bundle: one line with the identity of the plan, then lines with a digest and its written bytes.
 * Not trusted: a run that resumes hashes those bytes again.
 */
export class Journal {
  readonly path: string;
  #file: FileHandle | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** Reads the journal; returns undefined if there is none. @throws AirgapError `file` for a file of another user */
  async read(): Promise<JournalContent | undefined> {
    const text = await this.#text();
    if (text === undefined) return undefined;
    const [title = '', ...lines] = text.split('\n');
    if (!title.startsWith(TITLE)) return undefined;
    const written = new Map<Digest, number>();
    for (const line of lines) {
      const [digest, bytes] = line.split(' ');
      // A line truncated by an interruption is invalid, or gives fewer bytes than were written.
      if (digest !== undefined && isDigest(digest) && /^\d{1,15}$/.test(bytes ?? ''))
        written.set(digest, Number(bytes));
    }
    return { identity: title.slice(TITLE.length), written };
  }

  /**
   * Starts a new journal, or appends to an existing one: rewriting it could lose it in an interruption.
   * @throws AirgapError `no-space`, `file`
   */
  async start(identity: Digest, isResumed: boolean): Promise<void> {
    const opening = isResumed ? openOwnFile(this.path, 'a') : replaceOwnFile(this.path);
    this.#file = await opening.catch((error) => {
      throw asWriteError(error);
    });
    await this.#write(isResumed ? '\n' : `${TITLE}${identity}\n`);
  }

  /** Appends an entry. @throws AirgapError `no-space`, `file` */
  async add(digest: Digest, bytes: number): Promise<void> {
    await this.#write(`${digest} ${bytes}\n`);
  }

  /** Copies the journal to another path and flushes it to disk. @throws AirgapError `no-space`, `file` */
  async copy(to: string): Promise<void> {
    const text = (await this.#text()) ?? '';
    try {
      const file = await replaceOwnFile(to);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (error) {
      throw asWriteError(error);
    }
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  async remove(): Promise<void> {
    await this.close();
    await rm(this.path, { force: true });
  }

  async #text(): Promise<string | undefined> {
    const file = await openOwnFile(this.path, 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw asWriteError(error);
    });
    try {
      return await file?.readFile('utf8');
    } finally {
      await file?.close();
    }
  }

  async #write(line: string): Promise<void> {
    if (this.#file === undefined) return;
    try {
      // Synchronous: for one line, faster than a call in the thread pool.
      writeSync(this.#file.fd, line);
    } catch (error) {
      throw asWriteError(error);
    }
  }
}

const TITLE = 'airgap-journal v1 ';
