import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AirgapError } from '../../../../src/base/errors.ts';
import { ignoreEvents } from '../../../../src/base/events.ts';
import { openRandomFile, type RandomFile, singleFile } from '../../../../src/bundle/files/random-file.ts';
import { BlobWriter } from '../../../../src/bundle/writing/blob-writer.ts';
import {
  downloadMultiConnection,
  type MultiConnectionPolicy,
} from '../../../../src/bundle/writing/multi-connection.ts';
import type { Body } from '../../../../src/oci/content.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import fc from '../../../support/property.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const content = randomBytes(1_500_000);
const digest = digestOf(content);
const OFFSET = 777;

let folder: string;
let path: string;
let file: RandomFile;
let noted: number[];
let writer: BlobWriter;

beforeEach(async () => {
  folder = scratchFolder();
  path = join(folder, 'file');
  file = await openRandomFile(singleFile(path), constants.O_CREAT | constants.O_RDWR);
  noted = [];
  writer = new BlobWriter(file, OFFSET, digest, async (_digest, bytes) => {
    noted.push(bytes);
  });
});
afterEach(() => file.close());

/** A clock that advances when all tasks sleep. */
class Clock {
  now = 0;
  #sleepers: { readonly at: number; readonly wake: () => void }[] = [];
  #isRunning = false;

  sleep(ms: number): Promise<void> {
    if (!this.#isRunning) void this.#run();
    return new Promise((wake) => this.#sleepers.push({ at: this.now + ms, wake }));
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (;;) {
      for (let turns = 0; turns < 4; turns++) await turn();
      if (this.#sleepers.length === 0) break;
      this.now = Math.min(...this.#sleepers.map(({ at }) => at));
      const due = this.#sleepers.filter(({ at }) => at <= this.now);
      this.#sleepers = this.#sleepers.filter(({ at }) => at > this.now);
      for (const { wake } of due) wake();
    }
    this.#isRunning = false;
  }
}
const clock = new Clock();

interface Line {
  /** Bytes that each connection delivers every 2 ms. */
  piece(connections: number): number;
  /** Whether the n-th connection breaks. */
  breaks?(nth: number): boolean;
  knowsRanges?: boolean;
}

/** A source with the given connection speed that records its connections. */
function source({ piece, breaks = () => false, knowsRanges = true }: Line) {
  const seen = { opened: 0, most: 0, now: 0, parts: [] as (number | undefined)[] };
  const body: Body = {
    size: content.length,
    async open(offset = 0, signal, end) {
      if (end !== undefined && !knowsRanges) throw new AirgapError('unsupported', 'no ranges here');
      const nth = ++seen.opened;
      seen.parts.push(end);
      async function* pieces() {
        seen.most = Math.max(seen.most, ++seen.now);
        try {
          for (let position = offset; position < (end ?? content.length); ) {
            await clock.sleep(2);
            signal?.throwIfAborted();
            const next = Math.min(position + piece(seen.now), end ?? content.length);
            yield Buffer.from(content.subarray(position, next));
            if (breaks(nth) && position > offset) throw new Error('connection reset');
            position = next;
          }
        } finally {
          seen.now--;
        }
      }
      return Readable.from(pieces(), { objectMode: false, highWaterMark: 1 });
    },
  };
  return { body, seen };
}

const multiConnection: MultiConnectionPolicy = {
  minMissing: 300_000,
  windowSize: 100_000,
  measureTime: 40,
  sufficientSpeed: 1e9,
  maxConnections: 4,
};
const options = {
  what: 'a layer',
  emit: ignoreEvents,
  retryDelay: 1,
  multiConnection,
  isAlone: () => true,
  now: () => clock.now,
};

async function fetched(): Promise<Buffer> {
  expect(writer.digest()).toBe(digest);
  return (await readFile(path)).subarray(OFFSET);
}

describe('a large blob', () => {
  test('is fetched over more connections if each is slow', async () => {
    const { body, seen } = source({ piece: () => 4000 });
    let bytes = 0;
    await downloadMultiConnection(body, writer, options, (length) => {
      bytes += length;
    });
    expect((await fetched()).equals(content)).toBe(true);
    expect(seen.most).toBe(4);
    expect(bytes).toBe(content.length);
    expect(noted).toEqual([...noted].sort((a, b) => a - b));
  });

  test('returns to one connection if more are not faster', async () => {
    const { body, seen } = source({ piece: (connections) => Math.ceil(8000 / connections) });
    await downloadMultiConnection(body, writer, options, () => {});
    expect((await fetched()).equals(content)).toBe(true);
    expect(seen.most).toBe(2);
    expect(seen.parts.at(-1)).toBeUndefined();
  });

  test.each<[string, Partial<typeof options>]>([
    ['fast enough', { multiConnection: { ...multiConnection, sufficientSpeed: 1 } }],
    ['one of several', { isAlone: () => false }],
    ['nearly there', { multiConnection: { ...multiConnection, minMissing: content.length + 1 } }],
  ])('is fetched over one connection when it is %s', async (_what, extra) => {
    const { body, seen } = source({ piece: () => 16_000 });
    await downloadMultiConnection(body, writer, { ...options, ...extra }, () => {});
    expect((await fetched()).equals(content)).toBe(true);
    expect(seen.opened).toBe(1);
  });

  test('is fetched in full from a source without range requests', async () => {
    const { body, seen } = source({ piece: () => 4000, knowsRanges: false });
    await downloadMultiConnection(body, writer, options, () => {});
    expect((await fetched()).equals(content)).toBe(true);
    expect(seen.opened).toBe(2);
  });

  test('resumes a window whose connection broke', async () => {
    const { body, seen } = source({ piece: () => 4000, breaks: (nth) => nth % 3 === 0 });
    await downloadMultiConnection(body, writer, options, () => {});
    expect((await fetched()).equals(content)).toBe(true);
    const windows = seen.parts.filter((end) => end !== undefined);
    expect(windows.length, 'one is asked for again').toBeGreaterThan(new Set(windows).size);
  });

  test('records only the contiguous prefix when it fails', async () => {
    const fails = new AirgapError('forbidden', 'no longer');
    const { body } = source({ piece: () => 4000 });
    const failing: Body = {
      ...body,
      open: (offset = 0, signal, end) => (offset > 700_000 ? Promise.reject(fails) : body.open(offset, signal, end)),
    };
    await expect(downloadMultiConnection(failing, writer, options, () => {})).rejects.toBe(fails);
    await writer.saveCheckpoint();
    const sure = noted.at(-1) ?? 0;
    expect(sure).toBeGreaterThan(0);
    const existing = (await readFile(path)).subarray(OFFSET, OFFSET + sure);
    expect(existing.equals(content.subarray(0, sure))).toBe(true);
  });
});

test('content written in any order has the digest of the content in order', async () => {
  const size = 4000;
  const bytes = content.subarray(0, size);
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.integer({ min: 1, max: size - 1 }), { maxLength: 12 }),
      fc.infiniteStream(fc.nat({ max: 11 })),
      async (cuts, turns) => {
        const starts = [0, ...cuts.sort((a, b) => a - b)];
        const runs = starts.map((from, index) => ({ from, at: from, end: starts[index + 1] ?? size }));
        const one = new BlobWriter(file, OFFSET, digestOf(bytes), async () => {});
        for (let open = runs; open.length > 0; open = open.filter(({ at, end }) => at < end)) {
          const run = open[(turns.next().value as number) % open.length] as (typeof runs)[number];
          const next = Math.min(run.end, run.at + 300);
          await one.write(Buffer.from(bytes.subarray(run.at, next)), run.at, run.from);
          run.at = next;
        }
        await one.hashRemaining();
        expect([one.hashed, one.digest()]).toEqual([size, digestOf(bytes)]);
      },
    ),
    { numRuns: 60 },
  );
});
