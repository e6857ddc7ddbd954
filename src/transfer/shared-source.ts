import type { Readable } from 'node:stream';
import type { Body, Source } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import { fanOut } from './fan-out.ts';

/** Milliseconds. A registry that has to be asked again and again should hold back nobody but itself. */
const PATIENCE = 30_000;

/** What a copy says to the others that read the same source at the same time. */
export interface Turns {
  /** These blobs it may read, each once; no others are waited for. */
  expect(digests: Iterable<Digest>): void;
  /** This one it will not read, or no more. */
  settle(digest: Digest): void;
}

/** The source as one of several copies reads it. */
export interface Reader extends Source, Turns {
  /** It reads nothing more. */
  close(): void;
}

interface Member {
  /** Undefined until it is known. */
  expected?: Set<Digest>;
}

/** A blob that some are ready to read, and others may be soon. */
interface Meeting {
  readonly body: Body;
  readonly ready: Map<
    Member,
    { readonly signal: AbortSignal | undefined; readonly stream: PromiseWithResolvers<Readable> }
  >;
  readonly timer: NodeJS.Timeout;
}

/**
 * A source that several copies read at the same time, each blob once for all of them: it is opened when everybody who
 * needs it is ready for it, and all get the same pieces. What is asked for a second time, or from the middle, is read for
 * the one who asks. Who keeps the others waiting for too long reads alone from then on.
 *
 * The copies have to ask for blobs in the same order, as far as they need them; otherwise they wait for each other.
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

  /** One more copy. All have to be there before the first one reads. */
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

  /** Begins whatever everybody is ready for. */
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
        // Who is interrupted has been told, and listens no more: an error of the body would end the process.
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
