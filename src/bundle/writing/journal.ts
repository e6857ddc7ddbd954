import { writeSync } from 'node:fs';
import { type FileHandle, open, readFile, rm } from 'node:fs/promises';
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

  /** Undefined when there is no journal. */
  async read(): Promise<JournalContent | undefined> {
    const text = await readFile(this.path, 'utf8').catch(() => undefined);
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
    this.#file = await open(this.path, isContinued ? 'a' : 'w', 0o600).catch((error) => {
      throw writeFailure(error);
    });
    await this.#write(isContinued ? '\n' : `${TITLE}${identity}\n`);
  }

  /** @throws AirgapError `no-space`, `file` */
  async add(digest: Digest, bytes: number): Promise<void> {
    await this.#write(`${digest} ${bytes}\n`);
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  async remove(): Promise<void> {
    await this.close();
    await rm(this.path, { force: true });
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
