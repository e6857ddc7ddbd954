import { Readable } from 'node:stream';
import { AirgapError } from '../base/errors.ts';
import { share } from '../oci/loan.ts';

export interface FanOutOptions {
  /** Milliseconds that one reader may block the others. */
  readonly patience: number;
  /** Called for a reader that blocked the others for longer, before it ends with a `network` error. */
  readonly behind: (index: number) => void;
}

/**
 * Splits a stream into several readers, each of which gets everything, at the speed of the slowest. A reader that
 * closes early, or blocks the others for too long, is dropped. An error of the stream ends all readers.
 * @param signals one for each reader
 */
export function fanOut(
  source: Readable,
  signals: readonly (AbortSignal | undefined)[],
  { patience, behind }: FanOutOptions,
): readonly Readable[] {
  const full = new Set<Readable>();
  let timer: NodeJS.Timeout | undefined;
  const goOn = (): void => {
    if (full.size > 0) return;
    clearTimeout(timer);
    timer = undefined;
    source.resume();
  };
  const outs = signals.map((signal) => {
    const read = (): void => {
      if (full.delete(out)) goOn();
    };
    const out: Readable = new Readable({ highWaterMark: 0, read, ...(signal === undefined ? {} : { signal }) });
    out.on('close', () => {
      open.delete(out);
      full.delete(out);
      if (open.size === 0) source.destroy();
      goOn();
    });
    return out;
  });
  const open = new Set(outs);
  const leaveBehind = (): void => {
    for (const out of full) {
      behind(outs.indexOf(out));
      out.destroy(
        new AirgapError('network', 'this target blocked the others for too long; its content is now read separately'),
      );
    }
  };
  const fail = (error: Error): void => {
    for (const out of open) out.destroy(error);
  };
  source.on('data', (chunk: Uint8Array) => {
    share(chunk, open.size);
    for (const out of open) if (!out.push(chunk)) full.add(out);
    if (full.size === 0) return;
    source.pause();
    timer ??= setTimeout(leaveBehind, patience);
  });
  source.on('end', () => {
    for (const out of open) out.push(null);
  });
  source.on('error', fail);
  source.on('close', () => {
    if (!source.readableEnded) fail(new Error('the source stream was closed'));
  });
  return outs;
}
