import { pipeline, Readable, type Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { type EntrySink, type LayerEntry, TarStream } from './tar-stream.ts';

/** Maximum decompressed bytes of a layer; the largest real ones have about 10 GB. */
const MAX_LAYER_BYTES = 16 * 1024 ** 3;
/** Bytes per decompression step. zlib's default of 16 kB costs more time in the event loop than in zlib. */
const CHUNK_SIZE = 256 * 1024;

/**
 * Streams the entries of a layer: a tar archive, plain or compressed with gzip or zstd, detected by its first bytes.
 * Damaged layers are read as far as possible; verifying them is the task of the caller.
 * @returns reason why the rest was not read; undefined if everything was
 * @throws any error of the stream
 */
export async function readLayer(
  layer: Readable,
  visit: (entry: LayerEntry) => EntrySink | undefined,
): Promise<string | undefined> {
  const archive = new TarStream(visit);
  let bytes = 0;
  try {
    for await (const chunk of await decompressed(layer)) {
      bytes += chunk.length;
      if (bytes > MAX_LAYER_BYTES) return `more than ${MAX_LAYER_BYTES} bytes when decompressed`;
      archive.write(chunk);
      if (archive.isDone) return archive.stopReason;
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (typeof code === 'string' && /^Z_|^ZSTD_|_PARAM_/.test(code)) return `cannot be decompressed: ${message}`;
    throw error;
  }
  return archive.isDone ? archive.stopReason : 'the archive is truncated';
}

async function decompressed(layer: Readable): Promise<AsyncIterable<Buffer>> {
  const chunks = inLargeChunks(layer);
  const first = await chunks.next();
  const start = first.done ? Buffer.alloc(0) : first.value;
  const decompressor = decompressorFor(start);
  const restored = (async function* () {
    if (start.length > 0) yield start;
    yield* chunks;
  })();
  if (decompressor === undefined) return restored;
  return pipeline(Readable.from(restored, { objectMode: false }), decompressor, () => {});
}

/** Joins small chunks, as from a socket, since each one costs the decompressor a step. */
async function* inLargeChunks(stream: Readable): AsyncGenerator<Buffer> {
  let chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes < CHUNK_SIZE) continue;
    yield chunks.length === 1 ? (chunks[0] ?? chunk) : Buffer.concat(chunks, bytes);
    [chunks, bytes] = [[], 0];
  }
  if (bytes > 0) yield Buffer.concat(chunks, bytes);
}

/** Detects the compression by the magic numbers of RFC 1952 and RFC 8878. */
function decompressorFor(start: Buffer): Transform | undefined {
  if (start[0] === 0x1f && start[1] === 0x8b) return createGunzip({ chunkSize: CHUNK_SIZE });
  return start.length >= 4 && start.readUInt32LE(0) === 0xfd2fb528
    ? createZstdDecompress({ chunkSize: CHUNK_SIZE })
    : undefined;
}
