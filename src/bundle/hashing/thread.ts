import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { Digest } from '../../oci/digest.ts';
import { openRandomFile, type RandomFile } from '../files/random-file.ts';
import { FileBody } from '../reading/file-body.ts';
import { type BlobOffset, hasDigest } from './hashing.ts';
import type { FromHashThread, HashThreadData, ToHashThread } from './protocol.ts';

/** Number of bytes between progress messages. */
const PROGRESS_BYTES = 8 * 1024 * 1024;

/** Hashes batches of blobs sent to the port. */
function serve(port: MessagePort, { bundleFile }: HashThreadData): void {
  const file = openRandomFile(bundleFile, 'r');
  const send = (message: FromHashThread): void => port.postMessage(message);
  let unreported = 0;
  const onProgress = (bytes: number): void => {
    unreported += bytes;
    if (unreported < PROGRESS_BYTES) return;
    send({ type: 'bytes', bytes: unreported });
    unreported = 0;
  };
  port.on('message', async (blobs: ToHashThread) => {
    const digests: Digest[] = [];
    for (const blob of blobs) if (!(await isIntact(await file, blob, onProgress))) digests.push(blob.digest);
    send({ type: 'bytes', bytes: unreported });
    unreported = 0;
    send({ type: 'damaged', digests });
  });
}

async function isIntact(
  file: RandomFile,
  { digest, offset, size }: BlobOffset,
  onProgress: (bytes: number) => void,
): Promise<boolean> {
  return hasDigest(new FileBody(file, offset, size, undefined), digest, onProgress).catch(() => false);
}

if (parentPort !== null) serve(parentPort, workerData as HashThreadData);
