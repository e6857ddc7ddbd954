import { writeSync } from 'node:fs';
import { type FileHandle, rm } from 'node:fs/promises';
import { openOwn, replaceOwn } from '../../base/own-file.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import { writeFailure } from '../files/file.ts';

/** What a journal says. */
export interface JournalContent {
  /** Of the plan (layout.ts). */
  readonly identity: string;
  /** Bytes in place by digest. */
  readonly done: ReadonlyMap<Digest, number>;
}

/**
 * What an interrupted run has written, beside the partial bundle: a line that names the plan, then lines of a digest and
 * the bytes of it that are in place. Nothing here is trusted: whoever continues hashes those bytes again.
 */
export class Journal {
  readonly path: string;
  #file: FileHandle | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** Undefined when there is no journal. @throws AirgapError `file` for what is not ours */
  async read(): Promise<JournalContent | undefined> {
    const text = await this.#text();
    if (text === undefined) return undefined;
    const [title = '', ...lines] = text.split('\n');
    if (!title.startsWith(TITLE)) return undefined;
    const done = new Map<Digest, number>();
    for (const line of lines) {
      const [digest, bytes] = line.split(' ');
      // A line that was cut off by the interruption is none, or says less than is there.
      if (digest !== undefined && isDigest(digest) && /^\d{1,15}$/.test(bytes ?? '')) done.set(digest, Number(bytes));
    }
    return { identity: title.slice(TITLE.length), done };
  }

  /**
   * Begins to write, a new journal or, when it is continued, behind what is there: a journal that was written anew would
   * be lost by an interruption in that moment.
   * @throws AirgapError `no-space`, `file`
   */
  async start(identity: Digest, isContinued: boolean): Promise<void> {
    const opening = isContinued ? openOwn(this.path, 'a') : replaceOwn(this.path);
    this.#file = await opening.catch((error) => {
      throw writeFailure(error);
    });
    await this.#write(isContinued ? '\n' : `${TITLE}${identity}\n`);
  }

  /** @throws AirgapError `no-space`, `file` */
  async add(digest: Digest, bytes: number): Promise<void> {
    await this.#write(`${digest} ${bytes}\n`);
  }

  /** Writes the same under another name, on the disk when it returns. @throws AirgapError `no-space`, `file` */
  async copy(to: string): Promise<void> {
    const text = (await this.#text()) ?? '';
    try {
      const file = await replaceOwn(to);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (error) {
      throw writeFailure(error);
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
    const file = await openOwn(this.path, 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw writeFailure(error);
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
      // A line is written faster than another thread is asked to.
      writeSync(this.#file.fd, line);
    } catch (error) {
      throw writeFailure(error);
    }
  }
}

const TITLE = 'airgap-journal v1 ';
