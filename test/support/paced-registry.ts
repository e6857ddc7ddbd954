import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { keepBody } from '../quirks/fake/answers.ts';
import { type Exchange, FakeRegistry } from '../quirks/fake/registry.ts';
import { buildImage } from './images.ts';

/** How a registry answers; all of it can be changed while runs are going on. */
export interface Pace {
  /** Bytes of blobs in a second, in both directions together. */
  rate?: number;
  /** Milliseconds before each answer. */
  delay?: number;
  /** Blobs whose download stops halfway, or whose upload is not answered, until the promise is resolved; by digest. */
  readonly stalls: Map<string, Promise<unknown>>;
  /** Number of times that the connection of a blob will be cut halfway, by digest. */
  readonly cuts: Map<string, number>;
}

/** A registry in memory whose blobs flow as slowly as the test wants. */
export interface PacedRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly content: FakeRegistry;
  readonly pace: Pace;
  stop(): void;
}

/** Bytes of one piece of a blob. */
const PIECE = 16_384;

/** Milliseconds of lateness that are made up for. */
const CREDIT = 500;

/** @param tls with a certificate that no client trusts */
export async function startPacedRegistry({ tls = false } = {}): Promise<PacedRegistry> {
  const content = await FakeRegistry.start({ tls });
  const pace: Pace = { stalls: new Map(), cuts: new Map() };
  let free = 0;
  /** Waits until so many bytes may flow. */
  const flow = async (bytes: number): Promise<void> => {
    if (pace.rate === undefined) return;
    const now = performance.now();
    // On a busy machine timers are late; what that costs is made up for.
    free = Math.max(free, now - CREDIT) + (1000 * bytes) / pace.rate;
    if (free - now > 1) await sleep(free - now);
  };
  const step: Step = async (digest, position, bytes, size) => {
    await flow(bytes);
    if (position < size / 2) return false;
    const cuts = pace.cuts.get(digest) ?? 0;
    pace.cuts.set(digest, Math.max(0, cuts - 1));
    return cuts > 0;
  };
  content.on(async (exchange) => {
    if (pace.delay !== undefined) await sleep(pace.delay);
    if (exchange.kind === 'blob' && exchange.method === 'GET') paceAnswer(exchange, step, pace.stalls);
    if (exchange.kind === 'upload') await paceUpload(exchange, step, pace.stalls);
  });
  return { host: content.host, content, pace, stop: () => content.stop() };
}

/** Passes a piece of a blob on. @returns whether the connection is to be cut */
type Step = (digest: string, position: number, bytes: number, size: number) => Promise<boolean>;

/** Has the later response to a request for a blob written at the pace. */
function paceAnswer({ reference, outgoing }: Exchange, step: Step, stalls: Pace['stalls']): void {
  const end = outgoing.end.bind(outgoing);
  const drip = async (bytes: Buffer): Promise<void> => {
    for (let position = 0; position < bytes.length; position += PIECE) {
      const piece = bytes.subarray(position, position + PIECE);
      if (await step(reference, position, piece.length, bytes.length)) return void outgoing.destroy();
      if (position >= bytes.length / 2) await stalls.get(reference);
      if (outgoing.destroyed) return;
      outgoing.write(piece);
    }
    end();
  };
  outgoing.end = ((bytes?: Buffer) => {
    if (bytes === undefined) return end();
    void drip(bytes).catch(() => outgoing.destroy());
    return outgoing;
  }) as ServerResponse['end'];
}

/** Reads the content of an upload at the pace. */
async function paceUpload({ incoming, query }: Exchange, step: Step, stalls: Pace['stalls']): Promise<void> {
  const digest = query.get('digest') ?? '';
  const size = Number(incoming.headers['content-length'] ?? 0);
  const pieces: Buffer[] = [];
  let position = 0;
  for await (const piece of incoming as AsyncIterable<Buffer>) {
    if (await step(digest, position, piece.length, size)) {
      incoming.socket.destroy();
      return;
    }
    pieces.push(piece);
    position += piece.length;
  }
  await stalls.get(digest);
  keepBody(incoming, Promise.resolve(Buffer.concat(pieces)));
}

/**
 * Adds images with the tag 1: every ten share a layer, and each has one of its own of the same size.
 * @param size bytes of each layer
 * @returns their full names
 */
export function addImages({ host, content }: PacedRegistry, repositories: readonly string[], size: number): string[] {
  return repositories.map((repository, i) => {
    const sharedLayer = `base ${Math.floor(i / 10)}`;
    const image = buildImage({ name: repository, platforms: ['linux/amd64'], sharedLayer, size });
    for (const { bytes, digest, mediaType: type } of image.manifests)
      content.put(repository, '1', { bytes, digest, type, blobs: image.blobs, children: [] });
    return `${host}/${repository}:1`;
  });
}
