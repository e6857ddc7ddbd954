import { pipeline, Readable, type Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { type Entry, type Taker, TarStream } from './tar-stream.ts';

/** Bytes of a layer, decompressed; the largest real ones have some ten gigabytes. */
const LIMIT = 16 * 1024 ** 3;
/** Bytes that are decompressed at once, and that come out at once; zlib's own 16 kB cost more in turns than in work. */
const CHUNK = 256 * 1024;

/**
 * Reads a layer (a tar archive, plain or compressed with gzip or zstd, told by its first bytes) and shows its entries.
 * Nothing of it is kept. What is damaged is read as far as it goes; whoever verifies the layer says that it is.
 * @returns why the rest was not read; undefined when all of it was
 * @throws whatever the stream throws
 */
export async function readLayer(
  layer: Readable,
  visit: (entry: Entry) => Taker | undefined,
): Promise<string | undefined> {
  const archive = new TarStream(visit);
  let bytes = 0;
  try {
    for await (const chunk of await decompressed(layer)) {
      bytes += chunk.length;
      if (bytes > LIMIT) return `it has more than ${LIMIT} bytes`;
      archive.write(chunk);
      if (archive.isDone) return archive.givenUp;
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (typeof code === 'string' && /^Z_|^ZSTD_|_PARAM_/.test(code)) return `it cannot be decompressed: ${message}`;
    throw error;
  }
  return archive.isDone ? archive.givenUp : 'it ends in the middle of the archive';
}

async function decompressed(layer: Readable): Promise<AsyncIterable<Buffer>> {
  const pieces = large(layer);
  const first = await pieces.next();
  const start = first.done ? Buffer.alloc(0) : first.value;
  const decompressor = decompressorFor(start);
  const whole = (async function* () {
    if (start.length > 0) yield start;
    yield* pieces;
  })();
  if (decompressor === undefined) return whole;
  return pipeline(Readable.from(whole, { objectMode: false }), decompressor, () => {});
}

/** What comes in small pieces, as from a socket, in large ones: each costs the decompressor a turn. */
async function* large(stream: Readable): AsyncGenerator<Buffer> {
  let pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of stream) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes < CHUNK) continue;
    yield pieces.length === 1 ? (pieces[0] ?? piece) : Buffer.concat(pieces, bytes);
    [pieces, bytes] = [[], 0];
  }
  if (bytes > 0) yield Buffer.concat(pieces, bytes);
}

/** By the magic numbers of RFC 1952 and RFC 8878. */
function decompressorFor(start: Buffer): Transform | undefined {
  if (start[0] === 0x1f && start[1] === 0x8b) return createGunzip({ chunkSize: CHUNK });
  return start.length >= 4 && start.readUInt32LE(0) === 0xfd2fb528
    ? createZstdDecompress({ chunkSize: CHUNK })
    : undefined;
}
