import { pipeline, Readable, type Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { type Entry, type Taker, TarStream } from './tar-stream.ts';

/** Maximum decompressed bytes of a layer; the largest real ones have about 10 GB. */
const LIMIT = 16 * 1024 ** 3;
/** Bytes per decompression step. zlib's default of 16 kB costs more time in the event loop than in zlib. */
const CHUNK = 256 * 1024;

/**
 * Streams the entries of a layer: a tar archive, plain or compressed with gzip or zstd, detected by its first bytes.
 * Damaged layers are read as far as possible; verifying them is the task of the caller.
 * @returns reason why the rest was not read; undefined if everything was
 * @throws any error of the stream
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
      if (bytes > LIMIT) return `more than ${LIMIT} bytes when decompressed`;
      archive.write(chunk);
      if (archive.isDone) return archive.givenUp;
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (typeof code === 'string' && /^Z_|^ZSTD_|_PARAM_/.test(code)) return `cannot be decompressed: ${message}`;
    throw error;
  }
  return archive.isDone ? archive.givenUp : 'the archive is truncated';
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

/** Joins small chunks, as from a socket, since each one costs the decompressor a step. */
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

/** Detects the compression by the magic numbers of RFC 1952 and RFC 8878. */
function decompressorFor(start: Buffer): Transform | undefined {
  if (start[0] === 0x1f && start[1] === 0x8b) return createGunzip({ chunkSize: CHUNK });
  return start.length >= 4 && start.readUInt32LE(0) === 0xfd2fb528
    ? createZstdDecompress({ chunkSize: CHUNK })
    : undefined;
}
