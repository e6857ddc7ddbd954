import { appendFile, open, readFile, rm } from 'node:fs/promises';
import { type Digest, isDigest } from '../oci/digest.ts';
import { writeFailure } from './file.ts';

/**
 * What an interrupted run has written, beside the partial bundle: a line that names the plan, then lines of a digest and
 * the bytes of it that are in place. Nothing here is trusted: whoever continues hashes those bytes again.
 */
export class Journal {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Bytes in place by digest; undefined when there is no journal, or one of another plan. */
  async read(identity: Digest): Promise<ReadonlyMap<Digest, number> | undefined> {
    const text = await readFile(this.path, 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    const [first, ...lines] = text.split('\n');
    if (first !== titleOf(identity)) return undefined;
    const done = new Map<Digest, number>();
    for (const line of lines) {
      const [digest, bytes] = line.split(' ');
      // A line that was cut off by the interruption is none.
      if (digest !== undefined && isDigest(digest) && /^\d{1,15}$/.test(bytes ?? '')) done.set(digest, Number(bytes));
    }
    return done;
  }

  /** A new journal for a plan, with what is known to be in place. */
  async start(identity: Digest, done: ReadonlyMap<Digest, number>): Promise<void> {
    const file = await open(this.path, 'w', 0o600);
    try {
      await file.writeFile(
        [titleOf(identity), ...[...done].map(([digest, bytes]) => `${digest} ${bytes}`), ''].join('\n'),
      );
    } finally {
      await file.close();
    }
  }

  /** @throws AirgapError `no-space`, `file` */
  async add(digest: Digest, bytes: number): Promise<void> {
    await appendFile(this.path, `${digest} ${bytes}\n`).catch((error) => {
      throw writeFailure(error);
    });
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }
}

function titleOf(identity: Digest): string {
  return `airgap-journal v1 ${identity}`;
}
