import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { openRandomFile, type RandomFile } from '../../bundle/files/random-file.ts';
import { type BlobPlace, hasDigest } from '../../bundle/hashing.ts';
import { FileBody } from '../../bundle/reading/file-body.ts';
import type { Digest } from '../../oci/digest.ts';
import type { FromHashThread, HashThreadData, ToHashThread } from './protocol.ts';

/** Number of bytes between progress messages. */
const NEWS = 8 * 1024 * 1024;

/** Hashes batches of blobs sent to the port. */
function serve(port: MessagePort, { places }: HashThreadData): void {
  const file = openRandomFile(places, 'r');
  const send = (message: FromHashThread): void => port.postMessage(message);
  let unsaid = 0;
  const told = (bytes: number): void => {
    unsaid += bytes;
    if (unsaid < NEWS) return;
    send({ type: 'bytes', bytes: unsaid });
    unsaid = 0;
  };
  port.on('message', async (blobs: ToHashThread) => {
    const digests: Digest[] = [];
    for (const blob of blobs) if (!(await isIntact(await file, blob, told))) digests.push(blob.digest);
    send({ type: 'bytes', bytes: unsaid });
    unsaid = 0;
    send({ type: 'damaged', digests });
  });
}

async function isIntact(
  file: RandomFile,
  { digest, offset, size }: BlobPlace,
  told: (bytes: number) => void,
): Promise<boolean> {
  return hasDigest(new FileBody(file, offset, size, undefined), digest, told).catch(() => false);
}

if (parentPort !== null) serve(parentPort, workerData as HashThreadData);
