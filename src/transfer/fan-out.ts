import { Readable } from 'node:stream';
import { AirgapError } from '../base/errors.ts';
import { share } from '../oci/loan.ts';

export interface FanOutOptions {
  /** Milliseconds that one of them may keep the others waiting. */
  readonly patience: number;
  /** One has kept the others waiting for longer, and has been ended with a `network` error. */
  readonly behind: (index: number) => void;
}

/**
 * Gives what a stream gives to several readers, each of which gets everything, at the pace of the slowest. One that ends
 * early, or keeps the others waiting for too long, is left out from there on. The stream's failure is that of all.
 * `signals`: one for each reader.
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
      out.destroy(new AirgapError('network', 'kept the other targets waiting, and is read alone from here on'));
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
    if (!source.readableEnded) fail(new Error('the reading was closed'));
  });
  return outs;
}
