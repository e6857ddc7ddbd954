import type { Readable } from 'node:stream';
import type { Body, Source } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import { fanOut } from './fan-out.ts';

/** Milliseconds. A registry that needs many retries must not slow down the other targets for longer. */
const PATIENCE = 30_000;

/** Announces the reads of one copy to the others that read the same source. */
export interface Turns {
  /** Declares the blobs that this copy may read, each once. The other copies do not wait for it with any other blob. */
  expect(digests: Iterable<Digest>): void;
  /** Declares that this copy does not need the blob any more. */
  settle(digest: Digest): void;
}

/** Source for one of several copies. */
export interface Reader extends Source, Turns {
  /** Ends the participation of this copy. */
  close(): void;
}

interface Member {
  /** Blobs still to be read; undefined until `expect` is called. */
  expected?: Set<Digest>;
}

/** A blob that some participants are ready to read while others are awaited. */
interface Meeting {
  readonly body: Body;
  readonly ready: Map<
    Member,
    { readonly signal: AbortSignal | undefined; readonly stream: PromiseWithResolvers<Readable> }
  >;
  readonly timer: NodeJS.Timeout;
}

/**
 * Source that several copies read at the same time, each blob once for all of them. A blob is opened when all copies
 * that need it are ready, and all get the same chunks. Second reads and partial reads are served separately. A copy
 * that blocks the others for too long reads separately from then on.
 *
 * The copies have to request blobs in the same order, as far as they need them; otherwise they wait for each other.
 */
export class SharedSource {
  readonly #source: Source;
  readonly #patience: number;
  readonly #members = new Set<Member>();
  readonly #meetings = new Map<Digest, Meeting>();

  constructor(source: Source, patience = PATIENCE) {
    this.#source = source;
    this.#patience = patience;
  }

  /** Adds a copy. All copies have to be added before the first one reads. */
  reader(): Reader {
    const member: Member = {};
    this.#members.add(member);
    return {
      expect: (digests) => {
        member.expected = new Set(digests);
        this.#meet();
      },
      settle: (digest) => {
        if (member.expected?.delete(digest)) this.#meet();
      },
      close: () => this.#leave(member),
      manifest: (repository, tagOrDigest) => this.#source.manifest(repository, tagOrDigest),
      blob: (repository, descriptor) => {
        const body = this.#source.blob(repository, descriptor);
        return {
          size: body.size,
          open: (offset = 0, signal, end = body.size) => {
            const isFirst = this.#members.has(member) && member.expected?.delete(descriptor.digest);
            if (isFirst && offset === 0 && end === body.size)
              return this.#join(member, descriptor.digest, body, signal);
            if (isFirst) this.#meet();
            return body.open(offset, signal, end);
          },
        };
      },
    };
  }

  #join(member: Member, digest: Digest, body: Body, signal: AbortSignal | undefined): Promise<Readable> {
    const meeting = this.#meetings.get(digest) ?? this.#call(digest, body);
    const stream = Promise.withResolvers<Readable>();
    meeting.ready.set(member, { signal, stream });
    signal?.addEventListener('abort', () => stream.reject(signal.reason), { once: true });
    this.#meet();
    return stream.promise;
  }

  #call(digest: Digest, body: Body): Meeting {
    const timer = setTimeout(() => {
      for (const member of this.#members) if (this.#isAwaited(member, digest)) this.#leave(member);
    }, this.#patience);
    const meeting: Meeting = { body, ready: new Map(), timer };
    this.#meetings.set(digest, meeting);
    return meeting;
  }

  #isAwaited(member: Member, digest: Digest): boolean {
    return member.expected === undefined || member.expected.has(digest);
  }

  #leave(member: Member): void {
    if (this.#members.delete(member)) this.#meet();
  }

  /** Starts every read for which all participants are ready. */
  #meet(): void {
    const members = [...this.#members];
    for (const [digest, meeting] of this.#meetings) {
      if (members.some((member) => this.#isAwaited(member, digest))) continue;
      this.#meetings.delete(digest);
      clearTimeout(meeting.timer);
      void this.#begin(meeting);
    }
  }

  async #begin({ body, ready }: Meeting): Promise<void> {
    const joined = [...ready];
    const [only] = joined;
    try {
      if (joined.length === 1 && only !== undefined) {
        const { signal, stream } = only[1];
        // An interrupted reader no longer listens, so an error of the body would end the process.
        if (signal?.aborted) return;
        const opened = await body.open(0, signal);
        if (signal?.aborted) opened.on('error', () => {}).destroy();
        else stream.resolve(opened);
        return;
      }
      const outs = fanOut(
        await body.open(0),
        joined.map(([, { signal }]) => signal),
        { patience: this.#patience, behind: (at) => this.#leave((joined[at] as (typeof joined)[number])[0]) },
      );
      for (const [at, [, { stream }]] of joined.entries()) stream.resolve(outs[at] as Readable);
    } catch (error) {
      for (const [, { stream }] of joined) stream.reject(error);
    }
  }
}
