import { clearLine, cursorTo } from 'node:readline';
import type { WriteStream } from 'node:tty';
import type { AirgapEvent, Emit } from '../../base/events.ts';
import { printable } from '../../base/printable.ts';
import { redact } from '../../base/redact.ts';
import { estimateText } from './estimate.ts';
import { formatBytes } from './text.ts';

/** Progress display on stderr. A terminal shows one line that is redrawn; elsewhere only stages, retries and warnings are written. */
export interface Progress {
  readonly emit: Emit;
  /** Erases the progress line before other output. */
  clear(): void;
}

/** Formats a retry. The reason is a sentence that usually begins with `what`. */
function retryText({ what, attempt, reason }: Extract<AirgapEvent, { type: 'retry' }>): string {
  return `retrying (attempt ${attempt}): ${reason.startsWith(what) ? reason : `${what}: ${reason}`}`;
}

/** Milliseconds between two redraws of the progress line. */
const REDRAW_INTERVAL = 100;

export function createProgress(stream: NodeJS.WritableStream & Partial<WriteStream>, now: () => number): Progress {
  let planned = 0;
  let done = 0;
  let lastDraw = 0;
  let isShown = false;

  const clear = (): void => {
    if (!isShown) return;
    clearLine(stream, 0);
    cursorTo(stream, 0);
    isShown = false;
  };
  const writeLine = (text: string): void => {
    clear();
    stream.write(`${printable(redact(text))}\n`);
  };
  const draw = (): void => {
    if (!stream.isTTY || planned === 0 || now() - lastDraw < REDRAW_INTERVAL) return;
    lastDraw = now();
    const percent = Math.floor((100 * Math.min(done, planned)) / planned);
    clear();
    stream.write(`  ${formatBytes(Math.min(done, planned))} of ${formatBytes(planned)} (${percent} %)`);
    isShown = true;
  };
  const emit = (event: AirgapEvent): void => {
    if (event.type === 'note') writeLine(event.message);
    else if (event.type === 'step') writeLine(event.title);
    else if (event.type === 'estimate') writeLine(estimateText(event.estimate));
    else if (event.type === 'warning') writeLine(`warning: ${event.message}`);
    else if (event.type === 'retry') writeLine(retryText(event));
    else if (event.type === 'plan') planned += event.blobs.reduce((sum, { bytes }) => sum + bytes, 0);
    else if (event.type === 'bytes') done += event.bytes;
    else if (event.type === 'blob' && event.status === 'present') done += event.bytes;
    draw();
  };
  return { emit, clear };
}
