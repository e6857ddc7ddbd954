import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../src/base/errors.ts';
import { ignoreEvents } from '../../../src/base/events.ts';
import type { Body } from '../../../src/oci/content.ts';
import { drain, resumableRead } from '../../../src/transfer/resumable-read.ts';
import { noise } from '../../support/memory-registry.ts';

const options = { what: 'quay.io/a sha256:…', digest: 'sha256:0', emit: ignoreEvents, retryDelay: 1 };
const content = noise('content', 2_000_000);

/** Returns a body that yields `step` bytes at a time and fails at every offset for which `breaks` returns true. */
function body(breaks: (offset: number) => boolean, opened: number[] = [], step = 65_536): Body {
  return {
    size: content.length,
    async open(offset = 0) {
      opened.push(offset);
      async function* chunks() {
        for (let position = offset; position < content.length; position += step) {
          if (position > offset && breaks(position)) throw new Error('reset by peer');
          yield content.subarray(position, position + step);
        }
      }
      return Readable.from(chunks(), { objectMode: false });
    },
  };
}

async function collect(from: Body, offset = 0): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  await drain(from, offset, options, (chunk) => {
    chunks.push(chunk);
    return undefined;
  });
  return Buffer.concat(chunks);
}

describe('drain', () => {
  it('returns the exact content after any number of interruptions that make progress', async () => {
    const opened: number[] = [];
    const received = await collect(body((position) => position % (65_536 * 5) === 0, opened));
    expect(received.equals(content)).toBe(true);
    expect(opened.length).toBeGreaterThan(5);
  });

  it('starts at the offset', async () => {
    expect(
      (
        await collect(
          body(() => false),
          1_999_000,
        )
      ).equals(content.subarray(1_999_000)),
    ).toBe(true);
  });

  it('resumes after an early end', async () => {
    const opened: number[] = [];
    const short: Body = {
      size: content.length,
      open: async (offset = 0) => {
        opened.push(offset);
        return Readable.from([content.subarray(offset, offset + 700_000)]);
      },
    };
    expect((await collect(short)).equals(content)).toBe(true);
    expect(opened).toEqual([0, 700_000, 1_400_000]);
  });

  it('opens a failing body only twice, because opening it includes retries', async () => {
    let opened = 0;
    const closed: Body = {
      size: 10,
      open: async () => {
        opened++;
        throw new AirgapError('network', 'r.example timed out', { subject: `${options.what} (mirror)` });
      },
    };
    const error = (await collect(closed).catch((thrown: unknown) => thrown)) as AirgapError;
    expect(error).toMatchObject({ code: 'network', message: expect.stringContaining('0 of 10 bytes') });
    expect(error.message).toMatch(/\(mirror\): .*: r\.example timed out/);
    expect(error.message.split(options.what)).toHaveLength(2);
    expect(opened).toBe(2);
  });

  it('starts the hint with that of the last error', async () => {
    const open = async (): Promise<never> => {
      throw new AirgapError('network', 'the proxy refuses', { hint: 'have the proxy allow it' });
    };
    await expect(collect({ size: 10, open })).rejects.toMatchObject({
      hint: expect.stringMatching(/^have the proxy allow it; \w/),
    });
  });

  it('fails for a source without progress, or with too little', async () => {
    for (const step of [0, 10]) {
      const opened: number[] = [];
      const poor: Body = {
        size: content.length,
        open: async (offset = 0) => {
          opened.push(offset);
          return Readable.from([content.subarray(offset, offset + step)]);
        },
      };
      await expect(collect(poor)).rejects.toMatchObject({ code: 'network' });
      expect(opened).toHaveLength(5);
    }
  });

  it('does not retry permanent errors', async () => {
    let requests = 0;
    const missing: Body = {
      size: 10,
      open: async () => {
        requests++;
        throw new AirgapError('forbidden', 'no');
      },
    };
    await expect(collect(missing)).rejects.toMatchObject({ code: 'forbidden' });
    expect(requests).toBe(1);
  });

  it('fails if the source sends too many bytes', async () => {
    const long: Body = { size: 10, open: async () => Readable.from([Buffer.alloc(11)]) };
    await expect(collect(long)).rejects.toMatchObject({ code: 'digest-mismatch' });
  });

  it('pauses while the handler waits, and throws its errors', async () => {
    let sent = 0;
    const counted: Body = {
      size: 100,
      async open() {
        async function* chunks() {
          for (let position = 0; position < 100; position += 10) {
            sent++;
            yield Buffer.alloc(10);
          }
        }
        return Readable.from(chunks(), { objectMode: false, highWaterMark: 10 });
      },
    };
    const full = new Error('the disk is full');
    const draining = drain(counted, 0, options, async () => {
      await new Promise((go) => setTimeout(go, 5));
      throw full;
    });
    await expect(draining).rejects.toBe(full);
    const now = drain(counted, 0, options, () => {
      throw full;
    });
    await expect(now).rejects.toBe(full);
    expect(sent).toBeLessThan(8);
  });
});

describe('steady', () => {
  it('returns a body that resumes internally, from any offset', async () => {
    const stream = await resumableRead(
      body((position) => position % (65_536 * 6) === 0),
      options,
    ).open(123);
    expect(Buffer.concat(await stream.toArray()).equals(content.subarray(123))).toBe(true);
  });

  it('destroys its stream with the error', async () => {
    const missing: Body = {
      size: 10,
      open: async () => {
        throw new AirgapError('image-not-found', 'gone');
      },
    };
    const stream = await resumableRead(missing, options).open();
    await expect(stream.toArray()).rejects.toMatchObject({ code: 'image-not-found' });
  });

  it('closes the source when its stream is destroyed', async () => {
    let closed = false;
    const endless: Body = {
      size: 1e9,
      async open() {
        const stream = new Readable({ read: () => setImmediate(() => stream.push(Buffer.alloc(1000))) });
        stream.on('close', () => {
          closed = true;
        });
        return stream;
      },
    };
    const stream = await resumableRead(endless, options).open();
    for await (const _ of stream) break;
    await expect.poll(() => closed).toBe(true);
  });
});
