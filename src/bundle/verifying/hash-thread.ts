import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { Digest } from '../../oci/digest.ts';
import { openRandomFile } from '../files/random-file.ts';
import { FileBody, hasDigest } from '../files/ranges.ts';
import type { FromHashThread, HashThreadData, ToHashThread } from './hash-threads.ts';

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
    for (const { digest, offset, size } of blobs) {
      const body = new FileBody(await file, offset, size, undefined);
      // Unreadable blobs are damaged.
      if (!(await hasDigest(body, digest, onProgress).catch(() => false))) digests.push(digest);
    }
    send({ type: 'bytes', bytes: unreported });
    unreported = 0;
    send({ type: 'damaged', digests });
  });
}

if (parentPort !== null) serve(parentPort, workerData as HashThreadData);
