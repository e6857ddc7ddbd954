import { Readable } from 'node:stream';
import { AirgapError } from '../base/errors.ts';
import { shareBuffer } from '../oci/buffer-pool.ts';

export interface FanOutOptions {
  /** Milliseconds that one reader may block the others. */
  readonly maxWait: number;
  /** Called for a reader that blocked the others for longer, before it ends with a `network` error. */
  readonly onTimeout: (index: number) => void;
}

/**
 * Splits a stream into several readers, each of which gets everything, at the speed of the slowest. A reader that
 * closes early, or blocks the others for too long, is dropped. An error of the stream ends all readers.
 * @param signals one for each reader
 */
export function fanOut(
  source: Readable,
  signals: readonly (AbortSignal | undefined)[],
  { maxWait, onTimeout }: FanOutOptions,
): readonly Readable[] {
  const blocked = new Set<Readable>();
  let timer: NodeJS.Timeout | undefined;
  const resumeIfUnblocked = (): void => {
    if (blocked.size > 0) return;
    clearTimeout(timer);
    timer = undefined;
    source.resume();
  };
  const outputs = signals.map((signal) => {
    const read = (): void => {
      if (blocked.delete(output)) resumeIfUnblocked();
    };
    const output: Readable = new Readable({ highWaterMark: 0, read, ...(signal === undefined ? {} : { signal }) });
    output.on('close', () => {
      open.delete(output);
      blocked.delete(output);
      if (open.size === 0) source.destroy();
      resumeIfUnblocked();
    });
    return output;
  });
  const open = new Set(outputs);
  const dropBlocked = (): void => {
    for (const output of blocked) {
      onTimeout(outputs.indexOf(output));
      output.destroy(
        new AirgapError('network', 'this target blocked the others for too long; its content is now read separately'),
      );
    }
  };
  const fail = (error: Error): void => {
    for (const output of open) output.destroy(error);
  };
  source.on('data', (chunk: Uint8Array) => {
    shareBuffer(chunk, open.size);
    for (const output of open) if (!output.push(chunk)) blocked.add(output);
    if (blocked.size === 0) return;
    source.pause();
    timer ??= setTimeout(dropBlocked, maxWait);
  });
  source.on('end', () => {
    for (const output of open) output.push(null);
  });
  source.on('error', fail);
  source.on('close', () => {
    if (!source.readableEnded) fail(new Error('the source stream was closed'));
  });
  return outputs;
}
